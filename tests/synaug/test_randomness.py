"""Random streams: the documented key, and what a stream's numbers depend on."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import numpy as np
import pytest

from synaug.randomness import Stream, Streams

STREAMS = Streams(42, "0a1b2c3d" + "e" * 56)
OF_THE_DATA = (Stream.DRAW, Stream.SPLIT, Stream.DIAGNOSTICS)


def numbers(streams: Streams, stream: Stream, replicate: int = 0, fold: int = 0) -> tuple[int, ...]:
    return tuple(streams.generator(stream, replicate, fold).integers(0, 2**62, 4).tolist())


def test_the_key_is_the_documented_one() -> None:
    clone = dataclasses.replace(STREAMS, nuisance=2)
    expected = np.random.SeedSequence(42, spawn_key=(3, 0x0A1B2C3D, 7, 9, 2))
    state = clone.sequence(Stream.SYNTH, 7, 9).generate_state(8)
    np.testing.assert_array_equal(state, expected.generate_state(8))


def test_numbers_of_the_streams_never_change() -> None:
    assert {stream.name: int(stream) for stream in Stream} == {
        "DRAW": 1,
        "SPLIT": 2,
        "SYNTH": 3,
        "INIT": 4,
        "ORDER": 5,
        "VAE": 6,
        "DIAGNOSTICS": 7,
    }


@pytest.mark.parametrize("stream", Stream)
def test_a_stream_starts_again_each_time(stream: Stream) -> None:
    assert numbers(STREAMS, stream, 1, 2) == numbers(Streams(42, STREAMS.data), stream, 1, 2)
    again = [STREAMS.random_state(stream, 1, 2).randint(0, 2**31, 4).tolist() for _ in range(2)]
    assert again[0] == again[1]


def test_streams_differ_by_purpose_replicate_fold_root_and_data() -> None:
    drawn = [
        *(numbers(STREAMS, stream) for stream in Stream),
        numbers(STREAMS, Stream.DRAW, 1),
        numbers(STREAMS, Stream.DRAW, 0, 1),
        numbers(Streams(43, STREAMS.data), Stream.DRAW),
        numbers(Streams(42, "f" * 64), Stream.DRAW),
    ]
    assert all(a != b for a, b in combinations(drawn, 2))


def test_only_the_start_of_the_digest_counts() -> None:
    assert numbers(STREAMS, Stream.DRAW) == numbers(Streams(42, "0a1b2c3d" + "0" * 56), Stream.DRAW)


@pytest.mark.parametrize("stream", Stream)
def test_clones_share_draws_and_folds_alone(stream: Stream) -> None:
    clone = dataclasses.replace(STREAMS, nuisance=1)
    assert (numbers(clone, stream) == numbers(STREAMS, stream)) == (stream in OF_THE_DATA)


def test_both_forms_of_a_stream_come_from_one_key() -> None:
    legacy = np.random.RandomState(np.random.MT19937(STREAMS.sequence(Stream.VAE, 1, 2)))
    assert STREAMS.random_state(Stream.VAE, 1, 2).randint(2**31) == legacy.randint(2**31)
