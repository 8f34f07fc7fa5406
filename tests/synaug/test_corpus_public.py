"""The public corpora load without a warning and with the sizes that their notes state."""

from collections.abc import Callable
from pathlib import Path

import pytest

from synaug.corpus import Part, load

SIZES = {  # train, dev, test, classes
    "ag_news": (13180, 0, 7599, 4),
    "airline_tweets": (11452, 0, 2867, 3),
    "imdb": (24901, 0, 24674, 2),
    "sms_spam": (4104, 0, 1024, 2),
    "sst2": (6910, 871, 1819, 2),
    "trec_fine": (5375, 0, 489, 50),
}


@pytest.mark.parametrize("name", SIZES)
def test_public_corpus(name: str, shared_data: Callable[[str], Path]) -> None:
    corpus = load(shared_data(name))
    assert corpus.warnings == ()
    assert corpus.name == name
    assert (*[corpus.rows(part).size for part in Part], len(corpus.classes)) == SIZES[name]
