"""Words for verdicts and questions."""

from __future__ import annotations

from .claims import Claim

TITLES = {
    "method": "Which arm helps?",
    "ratio": "How many synthetic rows?",
    "k": "Does the number of neighbours matter?",
    "metric": "Does the distance metric matter?",
    "latent": "Does the VAE's latent size matter?",
    "budget": "How much does the training budget decide?",
    "vae": "What does the VAE lose by?",
    "classifier": "Does the gain hold for other classifiers?",
    "encoder": "Which encoder, and does the gain hold?",
    "imbalance": "Does natural imbalance behave alike?",
    "size": "Below how many minority examples does it pay?",
    "data_sets": "Does it hold over data sets?",
    "robustness": "Does the gain hold over classifier settings?",
    "winner": "Which cell wins?",
    "noise": "What can this sweep see?",
    "signatures": "Which signs of failure are there?",
}
SECTION_OF = {
    "method": "methods",
    "budget": "budget",
    "ratio": "ratio",
    "latent": "vae",
    "vae": "vae",
    "classifier": "transfer",
    "encoder": "transfer",
    "imbalance": "transfer",
    "size": "transfer",
    "data_sets": "data_sets",
    "robustness": "robustness",
    "winner": "winner",
    "noise": "noise",
    "signatures": "signatures",
}
WORDS = {
    "better": "Better",
    "better_size_uncertain": "Better, size uncertain",
    "better_negligible": "Better but negligible",
    "equivalent": "Equivalent",
    "inconclusive": "Inconclusive",
    "worse": "Worse",
    "worse_size_uncertain": "Worse, size uncertain",
    "worse_negligible": "Worse but negligible",
    "not_applicable": "No data",
}
EFFECTS = {
    "better": "Matters",
    "better_size_uncertain": "Matters, size uncertain",
    "better_negligible": "Matters negligibly",
    "equivalent": "Does not matter",
    "inconclusive": "Not shown",
}
BUDGET = {
    "better": "Budget moves more",
    "better_size_uncertain": "Budget moves more, size uncertain",
    "better_negligible": "Budget moves slightly more",
    "equivalent": "Both move alike",
    "worse": "Arm moves more",
    "worse_size_uncertain": "Arm moves more, size uncertain",
    "worse_negligible": "Arm moves slightly more",
}
SYMBOLS = {"better": "▲", "worse": "▼", "equivalent": "=", "inconclusive": "?", "not_applicable": "–"}


def title(question: str) -> str:
    """The question as people ask it; a knob without words of its own by its name."""
    return TITLES.get(question, f"Does {question} matter?")


def section_of(question: str) -> str:
    """The section with the evidence."""
    return SECTION_OF.get(question, "knobs")


def word(claim: Claim) -> str:
    """The verdict in a word or three, as it reads for this kind of answer."""
    verdict = claim.verdict
    if verdict == "not_applicable" and not claim.empty:
        return "Measured"
    if claim.detail.get("identical") or claim.kind == "identical":
        return "Identical"
    if claim.kind == "summary" and "knob" in claim.detail:
        return EFFECTS.get(verdict.replace("worse", "better"), WORDS[verdict])
    if claim.kind in ("summary", "correcting") and claim.question == "budget":
        return BUDGET.get(verdict, WORDS[verdict])
    return WORDS[verdict]


def tone(claim: Claim) -> str:
    """What colours a verdict: better, worse, equivalent, inconclusive or not_applicable."""
    if claim.verdict == "not_applicable" and not claim.empty:
        return "matters"
    if ("knob" in claim.detail and claim.kind == "summary") or claim.question == "budget":
        neutral = {"better": "matters", "worse": "matters"}
        return neutral.get(claim.verdict.partition("_")[0], claim.verdict)
    return claim.verdict if claim.verdict == "not_applicable" else claim.verdict.partition("_")[0]


def symbol(claim: Claim) -> str:
    """A sign for the verdict, for those who do not see its colour."""
    found = tone(claim)
    return "●" if found == "matters" else SYMBOLS[found]
