"""Work ahead is bounded, gives what the plain iterator gives, and its thread ends however it is left."""

import threading
import time

import pytest

from vasa_jax.inference.ahead import Ahead


class Source:
    """Counts what was begun, and how it ended; raises at some item."""

    def __init__(self, count, fails_at=None):
        self.count, self.fails_at, self.begun, self.closed_by = count, fails_at, 0, None

    def __iter__(self):
        try:
            for number in range(self.count):
                self.begun += 1
                if number == self.fails_at:
                    raise ValueError(f"item {number}")
                yield number
        finally:
            self.closed_by = threading.current_thread().name


def ahead(source, most=2, name="source"):
    return Ahead(iter(source), most, name)


def running():
    return {thread.name for thread in threading.enumerate()} & {"source", "squares"}


def squares(numbers):
    for number in numbers:
        yield number**2


@pytest.mark.parametrize("count", [0, 1, 7])
def test_all_items_in_their_order(count):
    source = Source(count)
    with ahead(source) as items:
        assert list(items) == list(range(count)) and list(items) == []
    assert source.closed_by == "source" and not running()


def test_no_more_is_begun_than_may_wait():
    source = Source(100)
    with ahead(source, most=3) as items:
        for number in items:
            assert source.begun <= number + 1 + 3 + 1, "taken, waiting, and the one at hand"
            if number == 20:
                time.sleep(0.05)
                assert source.begun == 20 + 1 + 3 + 1, "and it does run ahead"


def test_an_error_comes_after_the_items_before_it():
    source, taken = Source(9, fails_at=4), []
    with pytest.raises(ValueError, match="item 4"), ahead(source) as items:
        for item in items:
            taken.append(item)
    assert taken == [0, 1, 2, 3] and not running() and source.closed_by == "source"


@pytest.mark.parametrize("taken", [0, 1, 5])
@pytest.mark.parametrize("error", [None, KeyboardInterrupt, RuntimeError])
def test_leaving_early_ends_the_thread(taken, error):
    """Also while it waits for room, which it does after a moment."""
    source = Source(10**9)
    try:
        with ahead(source, most=1) as items:
            for _ in range(taken):
                next(items)
            time.sleep(0.02)
            if error is not None:
                raise error
    except (KeyboardInterrupt, RuntimeError) as raised:
        assert type(raised) is error
    assert not running() and source.closed_by == "source" and source.begun <= taken + 2


@pytest.mark.parametrize("leave", [False, True])
def test_two_stages(leave):
    source = Source(50)
    with ahead(source) as numbers, Ahead(squares(numbers), 2, "squares") as items:
        found = [next(items)] if leave else list(items)
    assert found == [n**2 for n in range(1 if leave else 50)]
    assert not running()


def test_an_error_passes_through_two_stages():
    with pytest.raises(ValueError, match="item 30"):
        with ahead(Source(50, fails_at=30)) as numbers, Ahead(squares(numbers), 2, "squares") as items:
            list(items)
    assert not running()
