"""Objectives, settings and threats that small models are trained with in no time."""

from __future__ import annotations

from spikeproof.attacks import PGD
from spikeproof.data import Domain
from spikeproof.threats import Linf, Threat
from spikeproof.train import Adversarial, CrossEntropy, Objective, SparseGradient, TrainingSettings

ERROR = Objective({"error": (1.0, CrossEntropy())})
SPARSE = Objective({"error": (1.0, CrossEntropy()), "sparse": (0.01, SparseGradient())})
DOMAIN = Domain(kind="audio", shape=(4,))
NEAR = Threat(Linf(), 0.05, DOMAIN)
FAR = Threat(Linf(), 0.4, DOMAIN)
ATTACKED = Objective(ERROR.terms, inputs=Adversarial(PGD(steps=3, step_size=0.5), NEAR))
QUICK = TrainingSettings(batch_size=16, learning_rate=0.05)
