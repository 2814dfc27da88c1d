from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from classifier.credits import EVERY, MAX_SOURCES, CreditBook
from module_kit.credit import Credit


def upto(source: str, boot: str, sequence: int) -> Credit:
    return Credit(source=source, boot=boot, sequence=sequence)


def test_a_credit_every_sixteen_frames() -> None:
    book = CreditBook()
    given_credits = [book.finished("a", "b1", sequence) for sequence in range(40)]
    assert [(i, credit) for i, credit in enumerate(given_credits) if credit] == [
        (15, upto("a", "b1", 15)),
        (31, upto("a", "b1", 31)),
    ]
    assert book.owing()
    assert book.idle() == [upto("a", "b1", 39)]
    assert not book.owing()
    assert book.idle() == []


def test_sources_are_kept_apart() -> None:
    book = CreditBook(every=2)
    assert book.finished("a", "b1", 0) is None
    assert book.finished("c", "b2", 7) is None
    assert book.finished("a", "b1", 1) == upto("a", "b1", 1)
    assert book.idle() == [upto("c", "b2", 7)]


def test_a_new_boot_starts_anew() -> None:
    """A camera that restarts counts from 0 again; what its old boot was owed is nobody's any more."""
    book = CreditBook(every=2)
    book.finished("a", "old", 500)
    assert book.finished("a", "new", 0) is None
    assert book.finished("a", "new", 1) == upto("a", "new", 1)


def test_a_frame_that_comes_again_does_not_take_the_credit_back() -> None:
    book = CreditBook(every=3)
    for sequence in (8, 9):
        book.finished("a", "b", sequence)
    assert book.finished("a", "b", 3) == upto("a", "b", 9)


def test_very_many_sources_do_not_fill_the_memory() -> None:
    book = CreditBook()
    for number in range(10 * MAX_SOURCES):
        book.finished(f"source-{number}", "b", 0)
    assert len(book.idle()) == MAX_SOURCES


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y"]), st.integers(0, 99)), max_size=200)
)
def test_every_frame_is_credited_in_the_end_and_never_backwards(frames: list[tuple[str, str, int]]) -> None:
    book, heard = CreditBook(), []
    last_boot: dict[str, str] = {}
    highest: dict[tuple[str, str], int] = {}
    for source, boot, sequence in frames:
        if last_boot.get(source) != boot:
            highest[source, boot] = sequence
        last_boot[source] = boot
        highest[source, boot] = max(highest[source, boot], sequence)
        credit = book.finished(source, boot, sequence)
        if credit is not None:
            assert credit == upto(source, boot, highest[source, boot])
            heard.append(credit)
    assert len(heard) <= len(frames) // EVERY
    heard += book.idle()
    told = {credit.source: credit for credit in heard}
    for source, boot in last_boot.items():
        assert told[source] == upto(source, boot, highest[source, boot])
