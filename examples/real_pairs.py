"""Attack a real word, heard and lip-read (LIPSFUS), and put it back into the packed file.

Where the file lies in SPIKEPROOF_DATA. The network is untrained and the label its own answer:
nothing here is an accuracy.
"""

import hashlib
import os
from pathlib import Path

import numpy as np

import spikeproof as sp
from spikeproof.data import Lipsfus, Source

HOME, FOLDER = Path(os.environ.get("SPIKEPROOF_DATA", "no-data")), Path("attacked")
PATH = HOME / "lipsfus_av" / "lipsfus_av_features.npz"


def attacked(data):
    """A word of the training part, with at most 20 events of the cochlea and 60 of the lips."""
    budgets = {"cochlea": (sp.Counts(), 20.0), "lips": (sp.Counts(), 60.0)}
    threat = sp.Threat(sp.Joint(budgets), 1.0, sp.Joint(budgets).on(data.domain))
    x, model = data.train.x[:1], sp.build("fusion-small", data).eval()
    y = model(x).argmax(1)
    found = sp.attacks.suite("quick")(model, x, y, threat, seeds=sp.seeds(0, n=1))
    moved = data.domain.unpack((found.x_adv - x).abs())
    print(", ".join(f"{int(view.sum())} events of the {name}" for name, view in moved.items()))
    print(f"won: {int(found.won)}")
    return found.x_adv[0]


def written(data, x_adv):
    """The word in a copy of the packed file, read by the set's own reader."""
    arrays, item = dict(np.load(PATH)), int(data.train.items[0])
    row = np.argsort(arrays["audio_split"], kind="stable")[item]
    views = data.domain.unpack(x_adv[None])
    arrays["audio"][row], arrays["visual"][row] = views["cochlea"][0, 0], views["lips"][0, :, 0]
    FOLDER.mkdir(exist_ok=True)
    np.savez(FOLDER / PATH.name, **arrays)
    files = {PATH.name: hashlib.sha256((FOLDER / PATH.name).read_bytes()).hexdigest()}
    reader = Lipsfus(published=Source(files=files, places=(".",), url="this script"))
    return list(reader(FOLDER).read().items)[item]


print(f"{int(PATH.exists())} of 1 files are in {HOME}")
if PATH.exists():
    data = sp.load("lipsfus", folder=HOME)
    x_adv = attacked(data)
    print(f"read again the same: {np.array_equal(written(data, x_adv), x_adv.numpy())}")
