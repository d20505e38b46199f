"""A made-up day of Nasdaq TotalView-ITCH 5.0: every type of message, several stocks, halts and crosses."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field

TICK = 100  # a cent, in 0.0001
HOUR = 3_600_000_000_000
OWN = "AAPL"
LOCATES = {OWN: 14, "MSFT": 5190, "ZVZZT": 8400}


@dataclass
class Stock:
    """One stock's orders, in the order in which they would trade."""

    name: str
    locate: int
    middle: int
    sides: dict[str, dict[int, list[list[int]]]] = field(default_factory=lambda: {"B": {}, "S": {}})
    halted: bool = False

    @property
    def padded(self) -> bytes:
        return self.name.encode().ljust(8)

    def best(self, side: str) -> int | None:
        prices = self.sides[side]
        return (max(prices) if side == "B" else min(prices)) if prices else None


class ItchDay:
    """`data` is the file. `kinds` are its messages by type, one letter each, and `offsets` where they begin."""

    def __init__(self, seed: int, steps: int, *, terminated: bool = False) -> None:
        self._random = random.Random(seed)
        self._now = 3 * HOUR
        self._order = 0
        self._match = 0
        self._pieces: list[bytes] = []
        self._size = 0
        self.kinds: list[str] = []
        self.locates: list[int] = []
        self.offsets: list[int] = []
        self.stocks = [Stock(name, locate, 1_800_000 + 50_000 * locate % 70_000) for name, locate in LOCATES.items()]
        self._begin()
        for step in range(steps):
            self._now = max(self._now, 4 * HOUR + step * 12 * HOUR // steps)
            if step == steps // 4:
                self._system("Q")
                for stock in self.stocks:
                    self._cross(stock, "O")
            self._step(self._random.choice(self.stocks))
        self._system("M")
        for stock in self.stocks:
            if stock.halted:
                self._state(stock, "T")
            self._cross(stock, "C")
        self._system("E")
        self._system("C")
        if terminated:
            self._pieces.append(b"\0\0")
        self.data = b"".join(self._pieces)

    def _put(self, kind: str, locate: int, body: bytes) -> None:
        self._now += self._random.randrange(1, 4_000)
        head = kind.encode() + struct.pack(">HH", locate, 1) + self._now.to_bytes(6, "big")
        message = head + body
        self.kinds.append(kind)
        self.locates.append(locate)
        self.offsets.append(self._size)
        self._pieces.append(struct.pack(">H", len(message)) + message)
        self._size += 2 + len(message)

    def _system(self, code: str) -> None:
        self._put("S", 0, code.encode())

    def _begin(self) -> None:
        self._system("O")
        for stock in self.stocks:
            listing = b"QN" + struct.pack(">I", 100) + b"N" + b"C" + b"Z " + b"P" + b"N" + b" " + b"1" + b"N"
            self._put("R", stock.locate, stock.padded + listing + struct.pack(">I", 0) + b"N")
        for stock in self.stocks:
            self._state(stock, "T")
            self._put("Y", stock.locate, stock.padded + b"0")
            self._put("L", stock.locate, b"MMKR" + stock.padded + b"YNA")
        self._put("V", 0, struct.pack(">QQQ", 1, 2, 3))
        self._put("W", 0, b"1")
        self._system("S")

    def _state(self, stock: Stock, state: str) -> None:
        stock.halted = state != "T"
        self._put("H", stock.locate, stock.padded + state.encode() + b" " + b"    ")

    def _number(self) -> int:
        self._order += self._random.randrange(1, 9)
        return self._order

    def _step(self, stock: Stock) -> None:
        stock.middle += TICK * self._random.choice((-1, 0, 0, 1))
        acts = {
            "add": 45, "execute": 0 if stock.halted else 12, "reduce": 8, "delete": 18, "replace": 12,
            "hidden": 0 if stock.halted else 3, "halt": 5 if stock.halted else 0.3, "other": 2,
        }  # fmt: skip
        getattr(self, f"_{self._random.choices(list(acts), list(acts.values()))[0]}")(stock)

    def _price(self, stock: Stock, side: str) -> int:
        away = TICK * self._random.choice((1, 1, 2, 2, 3, 4, 6, 9, 15, 60))
        price = stock.middle - away if side == "B" else stock.middle + away
        other = stock.best("S" if side == "B" else "B")
        if other is not None:
            price = min(price, other - TICK) if side == "B" else max(price, other + TICK)
        return price

    def _rest(self, stock: Stock, side: str, price: int, order: int, shares: int) -> None:
        stock.sides[side].setdefault(price, []).append([order, shares])

    def _add(self, stock: Stock) -> None:
        side = self._random.choice("BS")
        price, order, shares = self._price(stock, side), self._number(), 100 * self._random.randrange(1, 9)
        self._rest(stock, side, price, order, shares)
        body = struct.pack(">QcI8sI", order, side.encode(), shares, stock.padded, price)
        named = self._random.random() < 0.2
        self._put("F" if named else "A", stock.locate, body + (b"GSCO" if named else b""))

    def _take(self, stock: Stock, side: str, price: int, index: int, shares: int) -> None:
        """Shares of a resting order go."""
        level = stock.sides[side][price]
        level[index][1] -= shares
        if level[index][1] == 0:
            del level[index]
            if not level:
                del stock.sides[side][price]

    def _some(self, stock: Stock) -> tuple[str, int, int] | None:
        side = self._random.choice("BS")
        if not stock.sides[side]:
            return None
        price = self._random.choice(list(stock.sides[side]))
        return side, price, self._random.randrange(len(stock.sides[side][price]))

    def _execute(self, stock: Stock) -> None:
        side = self._random.choice("BS")
        price = stock.best(side)
        if price is None:
            return
        order, left = stock.sides[side][price][0]
        shares = left if self._random.random() < 0.5 else self._random.randrange(1, left + 1)
        self._match += 1
        body = struct.pack(">QIQ", order, shares, self._match)
        self._take(stock, side, price, 0, shares)
        if self._random.random() < 0.1:
            self._put("C", stock.locate, body + b"Y" + struct.pack(">I", price + TICK // 2))
        else:
            self._put("E", stock.locate, body)
        if self._random.random() < 0.05:
            self._put("B", stock.locate, struct.pack(">Q", self._match))

    def _reduce(self, stock: Stock) -> None:
        found = self._some(stock)
        if found is not None:
            side, price, index = found
            order, left = stock.sides[side][price][index]
            if left > 1:
                shares = self._random.randrange(1, left)
                self._take(stock, side, price, index, shares)
                self._put("X", stock.locate, struct.pack(">QI", order, shares))

    def _delete(self, stock: Stock) -> None:
        found = self._some(stock)
        if found is not None:
            side, price, index = found
            order, left = stock.sides[side][price][index]
            self._take(stock, side, price, index, left)
            self._put("D", stock.locate, struct.pack(">Q", order))

    def _replace(self, stock: Stock) -> None:
        found = self._some(stock)
        if found is not None:
            side, price, index = found
            order, left = stock.sides[side][price][index]
            self._take(stock, side, price, index, left)
            new, shares, price = self._number(), 100 * self._random.randrange(1, 9), self._price(stock, side)
            self._rest(stock, side, price, new, shares)
            self._put("U", stock.locate, struct.pack(">QQII", order, new, shares, price))

    def _hidden(self, stock: Stock) -> None:
        self._match += 1
        body = struct.pack(">QcI8sIQ", 0, b"B", 100, stock.padded, stock.middle, self._match)
        self._put("P", stock.locate, body)

    def _halt(self, stock: Stock) -> None:
        if not stock.halted:
            self._state(stock, "H")
            return
        self._state(stock, "Q")
        self._put("J", stock.locate, stock.padded + struct.pack(">IIII", stock.middle, 2, 1, 0))
        self._state(stock, "T")
        self._cross(stock, "H")

    def _cross(self, stock: Stock, kind: str) -> None:
        """Orders on both sides trade at one price; none of the executions is printable, the cross is."""
        total = 0
        self._match += 1
        for side in "BS":
            price = stock.best(side)
            if price is not None:
                order, left = stock.sides[side][price][0]
                self._take(stock, side, price, 0, left)
                body = struct.pack(">QIQ", order, left, self._match)
                self._put("C", stock.locate, body + b"N" + struct.pack(">I", stock.middle))
                total += left
        body = struct.pack(">Q8sIQ", total, stock.padded, stock.middle, self._match)
        self._put("Q", stock.locate, body + kind.encode())

    def _other(self, stock: Stock) -> None:
        kind, body = self._random.choice(
            (
                ("I", struct.pack(">QQc8sIII", 1, 2, b"B", stock.padded, 3, 4, 5) + b"O1"),
                ("N", stock.padded + b"A"),
                ("K", stock.padded + struct.pack(">I", 34_200) + b"A" + struct.pack(">I", 9)),
                ("h", stock.padded + b"QH"),
                ("O", stock.padded + b"Y" + struct.pack(">IIIQII", 1, 2, 3, 4, 5, 6)),
                ("J", stock.padded + struct.pack(">IIII", stock.middle, 2, 1, 0)),
                ("z", b"of a later version"),
            )
        )
        self._put(kind, stock.locate, body)
