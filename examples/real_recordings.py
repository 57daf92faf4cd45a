"""Attack real recordings, write them back as files of their own format, and read these again.

A gesture (DVS128) and a tone before a silicon cochlea (NAS), where they lie in SPIKEPROOF_DATA.
Networks are untrained and labels their own answers: nothing here is an accuracy.
"""

import os
from pathlib import Path

import torch

import spikeproof as sp
from spikeproof.data import Binning, Dvs128Gesture, read_recording, write_back, write_recording

HOME = Path(os.environ.get("SPIKEPROOF_DATA", "no-data"))
RECORDINGS = {
    "dvs128gesture/original/1.bs2": ("bs2", Dvs128Gesture().binning),
    "nas_tones/original/no_noise_523Hz.aedat": (
        "nas",
        Binning(timesteps=10, duration=50_000, start=200_000, outside="drop", most=255),
    ),
}

there = [name for name in RECORDINGS if (HOME / name).exists()]
print(f"{len(there)} of {len(RECORDINGS)} recordings are in {HOME}")
for name in there:
    form, binning = RECORDINGS[name]
    recording = read_recording(HOME / name, form, sort=True)
    x = binning(recording)[None]
    told = {"kind": "events", "low": 0.0, "high": float(binning.most), "integer": True}
    data = sp.Dataset.from_splits(test=(x, [0]), classes=4, name="one", **told)
    model = sp.build("dense", data).eval()
    y, threat = model(x).argmax(1), sp.Threat(sp.Counts(), 200, data.domain)
    found = sp.attacks.suite("quick")(model, x, y, threat, seeds=sp.seeds(0, n=1))
    back = write_back(recording, found.x_adv[0], binning)
    write_recording(f"attacked.{form}", back.recording, form)
    again = binning(read_recording(f"attacked.{form}", form))
    print(f"{name}: {back.deleted.sum()} events deleted, {back.inserted.sum()} inserted of 200")
    print(f"  won: {int(found.won)}, read again the same: {torch.equal(again, found.x_adv[0])}")
