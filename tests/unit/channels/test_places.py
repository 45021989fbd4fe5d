"""Places for sends in flight: few while answers come quickly, more while they take their time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sentinel.channels.places import FIRST, LOOK_SECONDS, Places


@dataclass
class Receiver:
    """Answers after `seconds` and remembers how many it held at once."""

    seconds: float
    held: int = 0
    most: int = 0

    async def answer(self, places: Places) -> None:
        """Take one send."""
        async with places:
            self.held += 1
            self.most = max(self.most, self.held)
            await asyncio.sleep(self.seconds)
            self.held -= 1


def send_all(receiver: Receiver, places: Places, count: int) -> None:
    async def run() -> None:
        await asyncio.gather(*(receiver.answer(places) for _ in range(count)))

    asyncio.run(run())


def test_a_receiver_that_answers_at_once_is_sent_to_over_the_first_places() -> None:
    receiver = Receiver(seconds=0)
    send_all(receiver, Places(1000), 2000)
    assert receiver.most == FIRST


def test_a_receiver_that_takes_its_time_gets_more_sends_at_once() -> None:
    receiver = Receiver(seconds=20 * LOOK_SECONDS)
    send_all(receiver, Places(1000), 500)
    assert receiver.most > 2 * FIRST


def test_there_are_never_more_places_than_allowed() -> None:
    slow, few = Receiver(seconds=20 * LOOK_SECONDS), Receiver(seconds=0)
    send_all(slow, Places(FIRST + 10), 300)
    send_all(few, Places(3), 300)
    assert (slow.most, few.most) == (FIRST + 10, 3)


def test_it_begins_again_with_the_first_places_when_nobody_is_in_flight() -> None:
    slow, quick = Receiver(seconds=20 * LOOK_SECONDS), Receiver(seconds=0)
    places = Places(1000)

    async def run() -> None:
        await asyncio.gather(*(slow.answer(places) for _ in range(500)))
        await asyncio.gather(*(quick.answer(places) for _ in range(500)))

    asyncio.run(run())
    assert slow.most > FIRST
    assert quick.most == FIRST


def test_who_gives_up_waiting_takes_nobodys_place() -> None:
    receiver = Receiver(seconds=LOOK_SECONDS)
    places = Places(1)

    async def run() -> None:
        sends = [asyncio.create_task(receiver.answer(places)) for _ in range(4)]
        await asyncio.sleep(0)
        sends[1].cancel()
        sends[2].cancel()
        done = await asyncio.gather(*sends, return_exceptions=True)
        assert [isinstance(each, asyncio.CancelledError) for each in done] == [False, True, True, False]
        await receiver.answer(places)

    asyncio.run(asyncio.wait_for(run(), timeout=10))
    assert receiver.most == 1


def test_a_place_that_comes_together_with_giving_up_goes_to_the_next() -> None:
    places = Places(1)
    reached = []

    async def hold(name: str) -> None:
        async with places:
            reached.append(name)
            await asyncio.sleep(0)

    async def run() -> None:
        async def hold_first() -> None:
            await hold("first")
            second.cancel()  # in the very moment in which it was given the place

        first = asyncio.create_task(hold_first())
        second, third = asyncio.create_task(hold("second")), asyncio.create_task(hold("third"))
        await asyncio.gather(first, second, third, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), timeout=10))
    assert reached == ["first", "third"]
