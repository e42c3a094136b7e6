"""Rooms for a class: a teacher opens one, students join by its code, and their choices meet there.

Knows codes, seats and hands of a game; must not know pages, names or addresses of anybody. Nothing
is written to disk, nothing tells who sits on a seat, and a room is gone some hours after it was
opened. Two rooms never see each other.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from experiments.laboratory import Arm
from experiments.physician import ORDER, PATIENTS, read_hand

__all__ = ["ALPHABET", "Room", "RoomError", "Rooms", "Seat", "read_code"]

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Letters of a code: none that is mistaken for another when read off a screen."""
CODE = 5
_KEY = 24
_LONGEST = 64


class RoomError(Exception):
    """Something a room cannot do; ``reason`` names the text that tells it.

    Reasons are ``unknown`` (no such room), ``full``, ``too_many`` (rooms), ``not_yours``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Seat:
    """A place in a room.

    Attributes
    ----------
    code : str
        Of the room.
    key : str
        Secret of the seat: whoever has it plays on.
    """

    code: str
    key: str


@dataclass(frozen=True)
class Room:
    """What a room shows to everybody in it: counts and choices, nobody's seat.

    Attributes
    ----------
    code : str
    seats : int
    finished : mapping of Arm to int
        Seats that have treated all patients under each payment.
    hands : mapping of Arm to list of list of int
        Complete hands, in no order that tells whose they are.
    minutes_left : int
    """

    code: str
    seats: int
    finished: Mapping[Arm, int]
    hands: Mapping[Arm, list[list[int]]]
    minutes_left: int


@dataclass
class _Open:
    key: str
    since: float
    seats: dict[str, dict[Arm, list[int]]] = field(default_factory=dict)


def read_code(text: object) -> str:
    """A code as somebody typed it: capital letters, without spaces and hyphens; empty if none.

    Examples
    --------
    >>> read_code(" k7-mqx "), read_code("no code here"), read_code(None)
    ('K7MQX', '', '')
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        return ""
    bare = "".join(letter for letter in text.upper() if not letter.isspace() and letter != "-")
    return bare if len(bare) == CODE and all(letter in ALPHABET for letter in bare) else ""


class Rooms:
    """All rooms of one server, safe for many threads.

    Parameters
    ----------
    most_rooms, most_seats : int
        What is refused beyond.
    hours : float
        Life of a room.
    empty_minutes : float
        Life of a room that nobody joins.
    now : function
        Clock in seconds, for tests.
    """

    def __init__(
        self,
        most_rooms: int = 20,
        most_seats: int = 200,
        hours: float = 6.0,
        empty_minutes: float = 60.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_rooms = most_rooms
        self._most_seats = most_seats
        self._life = hours * 3600.0
        self._empty = empty_minutes * 60.0
        self._now = now
        self._lock = threading.Lock()
        self._rooms: dict[str, _Open] = {}

    def open(self) -> Seat:
        """Open a room; the seat returned is the teacher's, who alone can close it.

        Raises
        ------
        RoomError
            ``too_many`` rooms are open.
        """
        with self._lock:
            self._expire()
            if len(self._rooms) >= self._most_rooms:
                raise RoomError("too_many")
            code = _drawn(CODE)
            while code in self._rooms:
                code = _drawn(CODE)
            key = secrets.token_urlsafe(_KEY)
            self._rooms[code] = _Open(key, self._now())
            return Seat(code, key)

    def join(self, code: object) -> Seat:
        """Take a seat.

        Raises
        ------
        RoomError
            ``unknown`` or ``full``.
        """
        with self._lock:
            room = self._room(read_code(code))
            if len(room.seats) >= self._most_seats:
                raise RoomError("full")
            key = secrets.token_urlsafe(_KEY)
            room.seats[key] = {arm: [] for arm in ORDER}
            return Seat(read_code(code), key)

    def hand_in(self, seat: Seat, hand: object) -> None:
        """Put a seat's choices on the table; a hand never gets shorter, nor changes what it was.

        Parameters
        ----------
        seat : Seat
        hand : anything
            Read by :func:`experiments.physician.read_hand`.

        Raises
        ------
        RoomError
            ``unknown`` room or seat.
        """
        given = read_hand(hand)
        with self._lock:
            room = self._room(seat.code)
            mine = room.seats.get(seat.key)
            if mine is None:
                raise RoomError("unknown")
            for arm in ORDER:
                mine[arm] = mine[arm] + given[arm][len(mine[arm]) :]
                if len(mine[arm]) < len(PATIENTS):
                    break

    def look(self, code: object) -> Room:
        """What everybody in a room may see.

        Raises
        ------
        RoomError
            ``unknown``.
        """
        with self._lock:
            bare = read_code(code)
            room = self._room(bare)
            hands = {
                arm: sorted(
                    list(seat[arm])
                    for seat in room.seats.values()
                    if len(seat[arm]) == len(PATIENTS)
                )
                for arm in ORDER
            }
            left = self._life - (self._now() - room.since)
            return Room(
                bare,
                len(room.seats),
                {arm: len(hands[arm]) for arm in ORDER},
                hands,
                max(0, int(left // 60)),
            )

    def is_seat(self, seat: Seat) -> bool:
        """Whether somebody sits there."""
        with self._lock:
            self._expire()
            room = self._rooms.get(seat.code)
            return room is not None and seat.key in room.seats

    def is_teacher(self, seat: Seat) -> bool:
        """Whether this is the seat of whoever opened the room."""
        with self._lock:
            self._expire()
            room = self._rooms.get(seat.code)
            return room is not None and _same(room.key, seat.key)

    def close(self, seat: Seat) -> None:
        """Close a room and forget all that was in it.

        Raises
        ------
        RoomError
            ``unknown`` room, or ``not_yours``.
        """
        with self._lock:
            room = self._room(seat.code)
            if not _same(room.key, seat.key):
                raise RoomError("not_yours")
            del self._rooms[seat.code]

    def __len__(self) -> int:
        with self._lock:
            self._expire()
            return len(self._rooms)

    def _room(self, code: str) -> _Open:
        self._expire()
        room = self._rooms.get(code)
        if room is None:
            raise RoomError("unknown")
        return room

    def _expire(self) -> None:
        now = self._now()
        for code, room in list(self._rooms.items()):
            age = now - room.since
            if age > self._life or (not room.seats and age > self._empty):
                del self._rooms[code]


def _drawn(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _same(key: str, given: str) -> bool:
    """Compare secrets in a time that tells nothing, whatever letters were given."""
    return secrets.compare_digest(key.encode(), given.encode("utf-8", "replace"))
