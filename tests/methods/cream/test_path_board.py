"""The prioritised path board: who enters, in which order, what is kept."""

import io

import torch
from hypothesis import given
from hypothesis import strategies as st

from methods.cream.path_board import MARGIN, Board, Entry, Offer


def entry(accuracy, madds, path=(0,), mark=0.0):
    return Entry(accuracy, madds, path, torch.full((2, 1, 2, 2), mark), torch.full((2, 3), mark))


def offer(board, *args):
    if board.admits(*args[:2]):
        board.add(entry(*args))


accuracies = st.integers(0, 8).map(lambda k: 2.5 * k)  # differences of exactly MARGIN occur
offers = st.lists(
    st.tuples(accuracies, st.integers(1, 3), st.tuples(st.integers(0, 2))), max_size=30
)


@given(offers, st.integers(1, 4))
def test_board_is_the_rule_stated_over_again(rows, size):
    board, kept = Board(size), []
    for time, (accuracy, madds, path) in enumerate(rows):
        offer(board, accuracy, madds, path, float(time))
        new = (accuracy, madds, path, -time)
        if len(kept) < size:
            kept.append(new)
        else:
            worst = min(kept)
            gain = accuracy - worst[0]
            if gain > MARGIN or (gain > 0 and madds < worst[1]):
                kept.append(new)
                kept.remove(min(kept))
        got = [(e.accuracy, e.madds, e.path, -int(e.images[0, 0, 0, 0])) for e in board.entries]
        assert got == sorted(kept, reverse=True)


def test_examples_of_the_rule():
    board = Board(2)
    offer(board, 50.0, 10)
    offer(board, 60.0, 10)
    for accuracy, madds, enters in [
        (55.0, 10, False),  # five points more are not more than five
        (55.1, 99, True),
        (50.1, 9, True),
        (50.1, 10, False),
        (50.0, 1, False),
    ]:
        assert board.admits(accuracy, madds) is enters
    offer(board, 70.0, 99)
    assert [e.accuracy for e in board.entries] == [70.0, 60.0]
    assert Board(1).admits(0.0, 10**12)


def ask(board, accuracy, madds, path=(0,), mark=0.0):
    """As :func:`offer`, but for that only a tensor says how many of 40 images were right."""
    made = entry(accuracy, madds, path, mark)
    right = torch.tensor([round(accuracy / 2.5)])
    board.offer(Offer(right, 40, madds, path, made.images, made.probabilities))


@given(offers, st.integers(1, 4), st.integers(1, 3))
def test_what_is_stored_is_known_before_who_is_on_the_board(rows, size, told):
    """Here every ``told``-th offer is settled by what somebody else has read."""
    known, board = Board(size), Board(size)
    for time, row in enumerate(rows):
        offer(known, *row, float(time))
        ask(board, *row, float(time))
        assert len(board) == len(known.entries)
        assert board.offered is not None
        for mine, other in zip(board.stored(), known.stored(), strict=True):
            assert torch.equal(mine, other)
        if time % told == 0:
            board.settle(round(row[0] / 2.5))
            assert board.offered is None
    assert [e.rank for e in board.entries] == [e.rank for e in known.entries]


def test_what_is_stored_is_laid_out_as_the_images_are():
    """For on a CPU the layout decides how a convolution rounds."""
    for layout in (torch.contiguous_format, torch.channels_last):
        board = Board(2)
        for right in (3, 9, 5):
            images = torch.randn(2, 3, 4, 4).to(memory_format=layout)
            board.offer(Offer(torch.tensor([right]), 10, 1, (0,), images, torch.ones(2, 3)))
            assert board.stored()[0].is_contiguous(memory_format=layout)
            assert board.offered is not None


def test_a_state_has_what_was_offered_last():
    board, again = Board(2), Board(2)
    ask(again, 20.0, 1)
    ask(board, 10.0, 1)
    again.load_state_dict(board.state_dict(), torch.device("cpu"))
    assert [e.accuracy for e in again.entries] == [e.accuracy for e in board.entries] == [10.0]


def test_state_survives_the_disk():
    board, again = Board(3), Board(3)
    for row in [(50.0, 10, (1, 2), 1.0), (60.0, 5, (0, 2), 2.0)]:
        offer(board, *row)
    buffer = io.BytesIO()
    torch.save(board.state_dict(), buffer)
    buffer.seek(0)
    again.load_state_dict(torch.load(buffer, weights_only=True), torch.device("cpu"))
    assert [e.rank for e in again.entries] == [e.rank for e in board.entries]
    for mine, other in zip(again.entries, board.entries, strict=True):
        assert torch.equal(mine.images, other.images)
        assert torch.equal(mine.probabilities, other.probabilities)
