"""Sentences about robustness and masking that the verdicts changed; lines of a table."""

from __future__ import annotations

__all__ = ["SENTENCES"]

# Where, before, now, because.
SENTENCES: tuple[tuple[str, str, str, str], ...] = (
    (
        "`docs/training.md`, robust validation",
        "The attack is cheap: the numbers compare epochs, and bound robustness from above.",
        "The attack is cheap and follows the network's own gradient: the numbers compare epochs, "
        "bound robust accuracy from above, and are far too high where that gradient masks.",
        "AT on digits is masked: before its own gradient 79 % stand, before all attacks 62",
    ),
    (
        "`docs/methods/multinorm.md`",
        "The same may happen to this recipe: measure what you train with `spikeproof audit`.",
        "It happens to this recipe: before 30 steps through its own gradient one network of it on "
        "digits is masked under l_inf and l_2 (l_inf: 79 % there, 62 before all attacks), "
        "suspicious under l_1 and sound under l_0, so measure what you train with "
        "`spikeproof audit`.",
        "its four verdicts above",
    ),
    (
        "`docs/methods/adversarial.md`",
        "(not to be used) with one step and no random start, where a model can learn to hide its "
        "gradient instead of becoming robust",
        "the same, and: a few steps from a random start do it too",
        "AT on digits was trained with two steps",
    ),
    (
        "`docs/gradient-masking.md`, what is not masking",
        "A defence that really shrinks the gradient, as a sparse-gradient penalty does: small is "
        "not zero, and attacks normalise its length.",
        "the same, and: of five networks of the evidence that were trained with it four are called "
        "sound, and the one on sounds masked",
        "on sounds SR and AT together leave 88 % before their own gradient, 58 before all attacks",
    ),
    (
        "`research/README.md`, training",
        "Is what sparse gradients gain hidden gradients?",
        "the same, with the answer for five networks: four sound, one masked",
        "it was asked, and no verdict answered it",
    ),
    (
        "`tests/zoo`, `at-lif`",
        "Adversarial training of leaky neurons, whose gradient stays true.",
        "Adversarial training of leaky neurons, at half the standard radius.",
        "at the standard radius another such network is masked",
    ),
    (
        "`docs/evidence/training.md`, `docs/evidence/foreign.md`, `research/README.md`",
        "robust accuracies without a word on masking",
        "Gradient masking: not diagnosed.",
        "those networks were not looked at",
    ),
    (
        "`docs/audit-your-network.md`, tutorial 2: results of one line",
        "`<robust accuracy 76.0 % ...; clean 87.0 %>`",
        "`<robust accuracy 76.0 % ...; clean 87.0 %; gradient masking not diagnosed>`",
        "no headline without the verdict",
    ),
)
