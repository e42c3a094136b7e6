"""Rooms for a class: codes, seats, limits, and two classes that never see each other."""

from __future__ import annotations

import threading

import pytest

from dashboards.rooms import ALPHABET, RoomError, Rooms, Seat, read_code
from experiments.laboratory import Arm
from experiments.physician import PATIENTS


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def whole(quantity: int) -> dict[str, list[int]]:
    return {arm.value: [quantity] * len(PATIENTS) for arm in Arm}


def test_a_class_meets_by_a_code_that_can_be_read_off_a_screen() -> None:
    rooms = Rooms()
    teacher = rooms.open()
    assert len(teacher.code) == 5
    assert set(teacher.code) <= set(ALPHABET)
    assert not set("01OIL") & set(ALPHABET)
    seat = rooms.join(f" {teacher.code[:2].lower()}-{teacher.code[2:]} ")
    rooms.hand_in(seat, whole(4))
    room = rooms.look(teacher.code)
    assert (room.seats, room.finished[Arm.PER_SERVICE]) == (1, 1)
    assert room.hands[Arm.PER_PATIENT] == [[4] * len(PATIENTS)]


def test_two_rooms_never_see_each_other() -> None:
    rooms = Rooms()
    one, other = rooms.open(), rooms.open()
    rooms.hand_in(rooms.join(one.code), whole(3))
    assert rooms.look(other.code).seats == 0
    assert rooms.look(other.code).hands[Arm.PER_SERVICE] == []
    stranger = rooms.join(other.code)
    with pytest.raises(RoomError, match="unknown"):
        rooms.hand_in(Seat(one.code, stranger.key), whole(9))
    with pytest.raises(RoomError, match="not_yours"):
        rooms.close(Seat(one.code, other.key))
    assert rooms.look(one.code).hands[Arm.PER_SERVICE] == [[3] * len(PATIENTS)]


def test_a_room_shows_choices_and_never_whose_they_are() -> None:
    rooms = Rooms()
    teacher = rooms.open()
    seats = [rooms.join(teacher.code) for _ in range(5)]
    for quantity, seat in zip((9, 2, 7, 0, 5), seats, strict=True):
        rooms.hand_in(seat, whole(quantity))
    shown = repr(rooms.look(teacher.code))
    assert all(seat.key not in shown for seat in seats)
    assert teacher.key not in shown
    # In the order of the choices, not of the seats.
    assert [hand[0] for hand in rooms.look(teacher.code).hands[Arm.PER_SERVICE]] == [0, 2, 5, 7, 9]


def test_a_choice_once_made_stays_as_it_was() -> None:
    rooms = Rooms()
    teacher = rooms.open()
    seat = rooms.join(teacher.code)
    rooms.hand_in(seat, {"per service": [1] * 10})
    rooms.hand_in(seat, {"per service": [9] * 15, "per patient": [2] * 15})
    room = rooms.look(teacher.code)
    assert room.hands[Arm.PER_SERVICE] == [[1] * 10 + [9] * 5]
    assert room.finished[Arm.PER_PATIENT] == 1


def test_rooms_and_seats_have_a_limit() -> None:
    rooms = Rooms(most_rooms=1, most_seats=2)
    teacher = rooms.open()
    with pytest.raises(RoomError, match="too_many"):
        rooms.open()
    rooms.join(teacher.code)
    rooms.join(teacher.code)
    with pytest.raises(RoomError, match="full"):
        rooms.join(teacher.code)
    rooms.close(teacher)
    rooms.open()


def test_a_room_expires_and_an_empty_one_sooner() -> None:
    clock = Clock()
    rooms = Rooms(hours=6.0, empty_minutes=60.0, now=clock)
    empty, used = rooms.open(), rooms.open()
    rooms.join(used.code)
    clock.time = 3_700.0
    with pytest.raises(RoomError, match="unknown"):
        rooms.look(empty.code)
    assert rooms.look(used.code).minutes_left == 298
    clock.time = 6 * 3_600.0 + 1.0
    assert len(rooms) == 0


@pytest.mark.parametrize(
    "code", [None, 7, "", "ABC", "ABCDE0", "<img>", "Ａ" * 5, "A" * 10_000, []]
)
def test_what_is_no_code_finds_no_room(code: object) -> None:
    rooms = Rooms()
    rooms.open()
    assert read_code(code) == ""
    with pytest.raises(RoomError, match="unknown"):
        rooms.join(code)


@pytest.mark.parametrize(
    "hand",
    [
        None,
        [],
        "x",
        {"per service": "no"},
        {"per service": [True] * 15},
        {"per service": [11]},
        {1: 2},
    ],
)
def test_a_hand_that_no_player_can_hold_changes_nothing(hand: object) -> None:
    rooms = Rooms()
    teacher = rooms.open()
    rooms.hand_in(rooms.join(teacher.code), hand)
    assert rooms.look(teacher.code).finished[Arm.PER_SERVICE] == 0


def test_a_key_of_strange_letters_is_only_a_wrong_key() -> None:
    rooms = Rooms()
    teacher = rooms.open()
    assert not rooms.is_teacher(Seat(teacher.code, "\ud800密"))
    assert rooms.is_teacher(teacher)


def test_thirty_students_at_once_lose_no_choice() -> None:
    rooms = Rooms()
    teacher = rooms.open()

    def play(quantity: int) -> None:
        seat = rooms.join(teacher.code)
        for n in range(1, len(PATIENTS) + 1):
            rooms.hand_in(seat, {"per service": [quantity] * n})

    threads = [threading.Thread(target=play, args=(i % 11,)) for i in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    room = rooms.look(teacher.code)
    assert room.finished[Arm.PER_SERVICE] == 30
    assert sorted(hand[0] for hand in room.hands[Arm.PER_SERVICE]) == sorted(
        i % 11 for i in range(30)
    )
