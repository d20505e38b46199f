"""Changes of one line each to the rules of vp-book."""

from __future__ import annotations

from mutation.runner import Mutation

_ACTIONS = "vp_book/book/actions.py"
_APPLY = "vp_book/book/apply.py"
_FLOW = "vp_book/physics/flow.py"
_LOOK = "vp_book/book/boundary.py"
_EVENTS = "vp_book/book/events.py"
_LEVELS = "vp_book/book/levels.py"
_FAR = "vp_book/book/far.py"
_RANGE = "vp_book/book/range.py"
_CLOCK = "vp_book/book/clock.py"
_ORDERS = "vp_book/book/orders.py"
_BINS = "vp_book/bins/reader.py"
_STATE = "vp_book/book/state.py"
_MACHINE = "vp_book/bins/machine.py"
_SESSIONS = "vp_book/sessions.py"
_PHYSICS = "vp_book/physics/parameters.py"
_CERTIFICATE = "vp_book/certificate.py"

MUTATIONS = (
    # what every action does
    Mutation("a clear leaves the orders", _ACTIONS, "    a.orders[:, O_SIZE] = 0\n", "    pass\n"),
    Mutation("a clear leaves the levels", _ACTIONS, "    clear(a.ladder, a.far, a.scalars)\n", "    pass\n"),
    Mutation("a clear leaves the doubt about the book", _ACTIONS, "    s.bad_book = 0\n", "    pass\n"),
    Mutation("a clear is flow", _ACTIONS, "a.counts[0].depth_state[side] -= displayed", "pass"),
    Mutation("F_TOB is ignored", _ACTIONS, "if r.flags & F_TOB != 0 and action == ACTION_ADD:", "if False:"),
    Mutation(
        "both sides of a top-of-book feed share an id",
        _ACTIONS,
        "order_id ^ (_TOB_MIX * (side + 1)) if flags & F_TOB != 0 else order_id",
        "order_id",
    ),
    Mutation(
        "an emptied side of a top-of-book feed needs a size",
        _ACTIONS,
        "            return False  # it empties its side, and needs no size for that\n",
        "            pass\n",
    ),
    Mutation(
        "a top-of-book add at the same price is two flows",
        _ACTIONS,
        "        if old_tick == tick:\n",
        "        if False:\n",
    ),
    Mutation(
        "a top-of-book add leaves the other orders of its side",
        _ACTIONS,
        "while a.scalars[0].resting[side] > 0:",
        "while False:",
    ),
    Mutation("off-grid prices are floored", _ACTIONS, "if 2 * (price - tick * tick_int) >= tick_int:", "if False:"),
    Mutation(
        "a price half way is rounded down", _ACTIONS, "tick * tick_int) >= tick_int:", "tick * tick_int) > tick_int:"
    ),
    Mutation("off-grid prices are not counted", _ACTIONS, "a.counts[0].off_grid_price += 1", "pass"),
    Mutation("F_MAYBE_BAD_BOOK is ignored", _ACTIONS, "a.scalars[0].bad_book = 1", "pass"),
    Mutation(
        "a null price is a price",
        _ACTIONS,
        "if price > _LIMIT or price < -_LIMIT:\n        return _NO_TICK",
        "if price < -_LIMIT:\n        return _NO_TICK",
    ),
    Mutation("an undefined size is a size", _ACTIONS, "if size == _UNDEFINED_SIZE and", "if False and"),
    Mutation("side N is an ask", _ACTIONS, "else ASK if r.side == SIDE_ASK else NO_SIDE", "else ASK"),
    Mutation(
        "a cancel takes the whole order",
        _ACTIONS,
        "    if size == abs(signed):\n",
        "    size = abs(signed)\n    if size == abs(signed):\n",
    ),
    Mutation("an over-cancel is not clamped in the count", _ACTIONS, "a.counts[0].over_cancel += 1", "pass"),
    Mutation(
        "an unknown modify is ignored",
        _ACTIONS,
        "            counts.unknown_modify += 1\n",
        "            return\n",
    ),
    Mutation("an unknown cancel is not counted", _ACTIONS, "a.counts[0].unknown_cancel += 1", "pass"),
    Mutation("a duplicate add is ignored", _ACTIONS, "        counts.duplicate_add += 1\n", "        return\n"),
    Mutation(
        "a duplicate add at its price is two flows",
        _ACTIONS,
        "if old_side == side and old_tick == tick:",
        "if old_side == side and old_tick == tick and not is_add:",
    ),
    Mutation(
        "a modify adds to the size",
        _ACTIONS,
        "change_depth(side, tick, size - old_size, fill, state, a)\n        return\n    a.orders",
        "change_depth(side, tick, size, fill, state, a)\n        return\n    a.orders",
    ),
    Mutation(
        "a modify keeps the price",
        _ACTIONS,
        "    a.orders[slot, O_TICK] = tick\n",
        "    a.orders[slot, O_TICK] = old_tick\n",
    ),
    Mutation(
        "a modify that changes side keeps its side",
        _ACTIONS,
        "    a.orders[slot, O_SIZE] = size if side == BID else -size\n",
        "    a.orders[slot, O_SIZE] = size if old_side == BID else -size\n",
    ),
    Mutation(
        "a zero size leaves the order",
        _ACTIONS,
        "            _cancel(order_id, abs(a.orders[slot, O_SIZE]), state, marked, a)\n        return\n",
        "            return\n        return\n",
    ),
    Mutation(
        "a fill changes the book",
        _ACTIONS,
        "        a.orders[slot, O_FILL] += size\n",
        "        a.orders[slot, O_FILL] += size\n        _cancel(order_id, size, False, False, a)\n",
    ),
    Mutation(
        "only the last fill of an order counts",
        _ACTIONS,
        "        a.orders[slot, O_FILL] += size\n",
        "        a.orders[slot, O_FILL] = size\n",
    ),
    Mutation(
        "fills of orders that do not rest are ignored", _ACTIONS, "change_depth(side, tick, 0, size, False, a)", "pass"
    ),
    Mutation("fills over the displayed size are not counted", _ACTIONS, "counts.fill_over_displayed += 1", "pass"),
    Mutation(
        "iceberg refreshes are not counted",
        _ACTIONS,
        "if fill > 0 and size != old_size - fill:",
        "if fill > 0 and size > old_size:",
    ),
    Mutation("an aggressor's own F is a fill", _ACTIONS, "if a.scalars[0].aggressors_noted != 0 and", "if False and"),
    Mutation(
        "an aggressor is known by its id alone",
        "vp_book/book/aggressors.py",
        "            return True\n",
        "            return True\n        if table[slot, G_ID] == order_id:\n            return True\n",
    ),
    Mutation(
        "an aggressor stays one after its event",
        "vp_book/book/aggressors.py",
        "== event:\n        if table[slot, G_ID] == order_id and table[slot, G_SIDE] == side:\n            return True",
        "!= 0:\n        if table[slot, G_ID] == order_id and table[slot, G_SIDE] == side:\n            return True",
    ),
    Mutation("buys are sells", _ACTIONS, "        stats.buy += size\n", "        stats.sell += size\n"),
    Mutation(
        "trades without an aggressor are sells",
        _ACTIONS,
        "    elif side == ASK:\n        stats.sell += size\n",
        "    elif side != BID:\n        stats.sell += size\n",
    ),
    Mutation(
        "volume comes from F",
        _ACTIONS,
        "    counts.filled_volume += size\n",
        "    counts.filled_volume += size\n    counts.traded_volume += size\n",
    ),
    Mutation("the last trade is not kept", _ACTIONS, "a.scalars[0].last_trade = price", "pass"),
    Mutation(
        "a cell's buys are its sells", _ACTIONS, "a.traded[side, cell] += size", "a.traded[1 - side, cell] += size"
    ),
    Mutation(
        "trades stand a cell too high", _ACTIONS, "- s.range_lo) // s.bucket\n", "- s.range_lo) // s.bucket + 1\n"
    ),
    Mutation("cells keep their trades", "vp_book/book/state.py", "    if last:\n", "    if False:\n"),
    Mutation("the mean price is of one side", _ACTIONS, "s.priced_volume += size", "s.priced_volume += size * side"),
    Mutation("the mean price forgets the ticks", _ACTIONS, "s.turnover_high += high * size", "s.turnover_high += high"),
    Mutation("the total is of sells", _ACTIONS, "a.scalars[0].bought += size", "a.scalars[0].sold += size"),
    # events, snapshots, clocks
    Mutation(
        "the book is looked at inside of events",
        _APPLY,
        "if r.flags & F_LAST != 0 and (flagged or s.by_time == 0):",
        "if flagged or s.by_time == 0:",
    ),
    Mutation("a snapshot is flow", _APPLY, "apply_record(r, flagged, a)", "apply_record(r, False, a)"),
    Mutation("a snapshot does not end a doubt", _APPLY, "        a.scalars[0].bad_book = 0\n", "        pass\n"),
    Mutation(
        "a snapshot without F_LAST never ends",
        _APPLY,
        "                s.in_snapshot = 0\n                if _observe_called(a):",
        "                s.in_snapshot = 0\n                if False:",
    ),
    Mutation(
        "an event that straddles belongs to the later bin",
        _APPLY,
        "if s.in_event == 0 and not (flagged",
        "if not (flagged",
    ),
    Mutation("an event at the end of a bin is in it", _APPLY, "if now >= stop_ns:", "if now > stop_ns:"),
    Mutation("the phase is that of the receive time", _APPLY, "if venue <= 0 or venue > now:", "if True:"),
    Mutation(
        "the clock runs backwards",
        _APPLY,
        "        elif ts_recv > now:\n            now = ts_recv\n",
        "        elif ts_recv > 0:\n            now = ts_recv\n",
    ),
    Mutation("backward clocks are not counted", _APPLY, "a.counts[0].clock_backwards += 1", "pass"),
    Mutation(
        "records of other instruments are the book's",
        _APPLY,
        "        counts.foreign_records += 1\n        return _SKIPPED\n",
        "        return _OWN\n",
    ),
    Mutation("sequences that go back are not counted", _APPLY, "a.counts[0].sequence_backwards += 1", "pass"),
    Mutation(
        "an outlier moves the clock",
        _CLOCK,
        "abs(ts_recv - ts_event) <= JUMP_NS:\n        return ts_recv, verdict\n    return clock, verdict | HOLD",
        "abs(ts_recv - ts_event) <= JUMP_NS:\n        return ts_recv, verdict\n    return ts_recv, verdict",
    ),
    Mutation(
        "a jump needs to be of an hour to be suspect",
        _SESSIONS,
        "JUMP_NS: Final = 60_000_000_000",
        "JUMP_NS: Final = 3_600_000_000_000",
    ),
    Mutation("outliers are not counted", _CLOCK, "counts.clock_outlier += 1", "pass"),
    Mutation(
        "the venue's time does not vouch for a jump",
        _CLOCK,
        "elif 0 <= ts_event < _LIMIT and abs(ts_recv - ts_event) <= JUMP_NS:",
        "elif False:",
    ),
    Mutation(
        "the next record does not confirm a jump", _CLOCK, "            verdict = AGREED\n", "            verdict = 0\n"
    ),
    Mutation("the longest gap is the last one", _CLOCK, "max(s.max_gap, now - clock)", "now - clock"),
    Mutation(
        "an event may stay open for ever",
        _EVENTS,
        "    counts.unended_event += 1\n    return ENDED\n",
        "    return GOES_ON\n",
    ),
    Mutation(
        "an event may last for a second",
        _EVENTS,
        "EVENT_LIMIT_NS: Final = 100_000_000",
        "EVENT_LIMIT_NS: Final = 1_000_000_000",
    ),
    Mutation(
        "fills that nothing follows are forgotten",
        _EVENTS,
        "        settle_fills(a)\n    if",
        "        s.pending_fills = 0\n    if",
    ),
    Mutation("fills that nothing follows are no hidden ones", _EVENTS, "a.counts[0].hidden_fill += 1", "pass"),
    Mutation("an auction is held to its trades", _EVENTS, "if s.event_sideless != 0:", "if False:"),
    Mutation(
        "unequal trades and fills are not counted",
        _EVENTS,
        "            counts.unequal_events += 1\n",
        "            pass\n",
    ),
    # what the book shows
    Mutation("a locked book is valid", _LOOK, "two_sided and bid < ask and", "two_sided and bid <= ask and"),
    Mutation("a book in doubt is valid", _LOOK, "bid < ask and s.bad_book == 0", "bid < ask"),
    Mutation("crossed and locked are one", _LOOK, "if bid > ask:", "if bid >= ask:"),
    Mutation("the phase of a crossed book is not told", _LOOK, "crossed[s.phase]", "crossed[0]"),
    Mutation(
        "spot is rounded down",
        _LOOK,
        "spot = (bid + ask + bucket) // (2 * bucket)",
        "spot = (bid + ask) // (2 * bucket)",
    ),
    Mutation(
        "the range moves a cell late at the top",
        _LOOK,
        "at >= cells - s.edge_margin",
        "at > cells - s.edge_margin",
    ),
    Mutation(
        "the range moves a cell late at the bottom",
        _LOOK,
        "at < s.edge_margin or",
        "at + 1 < s.edge_margin or",
    ),
    Mutation("the highest bid of a bin is its last", _LOOK, "max(stats.bid_high, bid)", "bid"),
    Mutation("the lowest ask of a bin is its first", _LOOK, "min(stats.ask_low, ask)", "stats.ask_low"),
    Mutation(
        "the best bid stays when its level empties",
        _LEVELS,
        "elif size == 0 and index == s.best[BID]:",
        "elif False:",
    ),
    Mutation(
        "the best ask stays when its level empties",
        _LEVELS,
        "elif size == 0 and index == s.best[ASK]:",
        "elif False:",
    ),
    Mutation(
        "bids beyond the range are not the best",
        _LEVELS,
        "if s.far_used[BID] > 0 and (index < 0 or",
        "if s.far_used[BID] > 0 and (False or",
    ),
    Mutation(
        "far levels are kept the wrong way round",
        _FAR,
        "tick > other if side == BID else tick < other",
        "tick < other if side == BID else tick > other",
    ),
    Mutation(
        "a far level that empties stays the best",
        _FAR,
        "far[side, FAR_SIZE, slot] == 0 and far[side, FAR_HEAP, 0] == tick",
        "False",
    ),
    Mutation(
        "the gap in a probe chain is not closed",
        _ORDERS,
        ">= ((probe - gap) & mask):\n            for c",
        "> mask:\n            for c",
    ),
    Mutation(
        "probe chains end with the map",
        _ORDERS,
        "(probe - home(orders[probe, O_ID], mask)) & mask",
        "abs(probe - home(orders[probe, O_ID], mask))",
    ),
    # the range moves
    Mutation(
        "physics is lost on recentring", _RANGE, "    _shift_rows(a.physics, shift)\n", "    a.physics[:] = 0.0\n"
    ),
    Mutation("physics stays where it was on recentring", _RANGE, "    _shift_rows(a.physics, shift)\n", "    pass\n"),
    Mutation(
        "the last event of a cell does not move with it", _RANGE, "    _shift_rows(a.touched, shift)\n", "    pass\n"
    ),
    Mutation(
        "cells that enter the range keep what left it", _RANGE, "        array[n - shift :] = 0\n", "        pass\n"
    ),
    Mutation(
        "cells that enter at the bottom keep what was there", _RANGE, "        array[:-shift] = 0\n", "        pass\n"
    ),
    Mutation(
        "depth that leaves the range is lost",
        _RANGE,
        "_far.fill_far(a.far, a.scalars, side, ticks[~here], sizes[~here])",
        "pass",
    ),
    Mutation(
        "the range moves by price ticks, not cells",
        _RANGE,
        "s.range_lo += shift * s.bucket",
        "s.range_lo += shift",
    ),
    Mutation("recenterings are not counted", _RANGE, "a.counts[0].recentered += 1", "pass"),
    # attribution and physics
    Mutation(
        "an iceberg's refresh is no add", _FLOW, "rest = d + fill", "rest = d + fill if d <= 0 or fill == 0 else d"
    ),
    Mutation("a fill is pulled too", _FLOW, "rest = d + fill", "rest = d"),
    Mutation(
        "pulls are adds",
        _FLOW,
        "_impulse(row, CH_PULL, -rest, a.weights[0])",
        "_impulse(row, CH_ADD, -rest, a.weights[0])",
    ),
    Mutation("fills have no physics", _FLOW, "_impulse(row, CH_FILL, fill, a.weights[0])", "pass"),
    Mutation("bid and ask depth are one channel", _FLOW, "CH_BID if side == BID else CH_ASK, d", "CH_BID, d"),
    Mutation("flow outside of the warm-up has physics", _FLOW, "if s.physics_on == 0 or index", "if index"),
    Mutation(
        "a bucket is read as ticks",
        _FLOW,
        "index if s.bucket == 1 else index // s.bucket",
        "index % a.physics.shape[0]",
    ),
    Mutation("masses do not decay", _FLOW, "dm = np.exp(-dt / p.tau_rest)", "dm = 1.0"),
    Mutation("masses are not kept", _FLOW, "row[M_ADD + channel // 3] += x * weights.mass", "pass"),
    Mutation(
        "acceleration lacks the velocity's mode", _FLOW, "floats[at + 1, i] = k * m1 + m2", "floats[at + 1, i] = m2"
    ),
    Mutation("jerk lacks the second mode", _FLOW, "e * m1 + ja * m2 + row", "e * m1 + row"),
    Mutation(
        "the jerk's mode decays as the acceleration's",
        _FLOW,
        "d3 = np.exp(-dt / p.tau_j)",
        "d3 = np.exp(-dt / p.tau_a)",
    ),
    Mutation(
        "rest is the bid's alone",
        _FLOW,
        "floats[F_CHAIN + 12 + c, i] + floats[F_CHAIN + 15 + c, i]",
        "floats[F_CHAIN + 12 + c, i]",
    ),
    Mutation("a falling depth presses", _FLOW, "c2 * max(v_rest, 0.0)", "c2 * abs(v_rest)"),
    Mutation("c3 is applied to a falling acceleration too", _FLOW, "c3 * max(a_add, 0.0)", "c3 * a_add"),
    Mutation("c4 and c5 are exchanged", _FLOW, "c4 * v_pull", "c5 * v_pull"),
    Mutation("c6 has the sign of c2", _FLOW, "c6 * max(-v_rest, 0.0)", "c6 * max(v_rest, 0.0)"),
    Mutation("c7 is not applied", _FLOW, "c7 * max(a_pull, 0.0)", "0.0"),
    Mutation("the range's forces lack the ask", _FLOW, "row[CH_BID] * d1 + row[CH_ASK] * d1,", "row[CH_BID] * d1,"),
    Mutation(
        "the weights of an impulse are those of the event before",
        _FLOW,
        "if s.weights_at != s.clock:",
        "if s.weights_at == -1:",
    ),
    Mutation("moving the origin forgets the decay", _FLOW, "(mass if c >= M_ADD else decay[c % 3])", "1.0"),
    Mutation("moving the origin decays every mode alike", _FLOW, "decay = (v, a, j)", "decay = (a, a, a)"),
    Mutation("the origin never moves", _FLOW, "_EXPONENT_LIMIT: Final = 256.0", "_EXPONENT_LIMIT: Final = 1e9"),
    Mutation("a tau constant is another", _PHYSICS, "e = k / (tau_j - tau_v)", "e = k / (tau_j - tau_a)"),
    Mutation("g3 lacks a term", _PHYSICS, "- g2 * ja - e * g1", "- g2 * ja"),
    Mutation("a default coefficient is another", _PHYSICS, "c5_v_fill: float = 1.5", "c5_v_fill: float = 1.4"),
    Mutation(
        "a default time constant is another", _PHYSICS, "tau_rest_decay: float = 30.0", "tau_rest_decay: float = 31.0"
    ),
    # bins, sessions, certificate
    Mutation(
        "state is read at the bin's begin",
        _BINS,
        "at_ns = max(end_ns, s.clock)",
        "at_ns = max(start_ns, s.clock)",
    ),
    Mutation(
        "row 0 of the window is spot",
        _BINS,
        "s.spot - range_cell - self._radius if anchored",
        "s.spot - range_cell if anchored",
    ),
    Mutation("statistics run on into the next bin", _STATE, "    a.stats[0] = _NO_STATS\n", "    pass\n"),
    Mutation(
        "the range's shift is not told",
        _BINS,
        "shift = 0 if self._previous_cell is None else range_cell - self._previous_cell",
        "shift = 0",
    ),
    Mutation(
        "the ask's sign comes first in the microstate",
        _BINS,
        "(ask_sign + 1) * 3 + (bid_sign + 1)",
        "(bid_sign + 1) * 3 + (ask_sign + 1)",
    ),
    Mutation("one side makes a chase", _BINS, "ask_sign > 0 and bid_sign > 0", "ask_sign > 0 or bid_sign > 0"),
    Mutation(
        "moves are against the last valid bin",
        _BINS,
        "self._previous_quote = quote\n",
        "self._previous_quote = quote or self._previous_quote\n",
    ),
    Mutation(
        "a bin without a boundary has no extremes",
        _BINS,
        "extremes = [bid, bid, ask, ask] if valid else [0, 0, 0, 0]",
        "extremes = [0, 0, 0, 0]",
    ),
    Mutation("mid is shown for an invalid book", _BINS, "/ (2 * PRICE_SCALE) if valid else 0.0", "/ (2 * PRICE_SCALE)"),
    Mutation("a silence is valid", _BINS, "valid = known and whole and", "valid = whole and"),
    Mutation("an event that does not end is looked at", _BINS, "valid = known and whole and", "valid = known and"),
    Mutation("bins begin without the warm-up's anchor", _MACHINE, "        self.engine.reanchor()\n", "        pass\n"),
    Mutation(
        "statistics of the warm-up are in the first bin",
        _MACHINE,
        "        self.engine.reset_statistics()\n",
        "        pass\n",
    ),
    Mutation(
        "the warm-up is ignored", _MACHINE, "engine.set_physics(False)  # before", "engine.set_physics(True)  # before"
    ),
    Mutation(
        "bins go on beyond their end",
        _MACHINE,
        "            if end > limit:\n",
        "            if end > limit + 300_000_000:\n",
    ),
    Mutation(
        "futures trade through the break",
        _SESSIONS,
        "(time(17), _PRE_OPEN), (time(18), _REGULAR))\n_FUTURE_FRIDAY",
        "(time(18), _REGULAR))\n_FUTURE_FRIDAY",
    ),
    Mutation(
        "Sunday opens an hour late",
        _SESSIONS,
        "(time(0), _CLOSED), (time(16), _PRE_OPEN), (time(18)",
        "(time(0), _CLOSED), (time(17), _PRE_OPEN), (time(18)",
    ),
    Mutation("shares have no closing time", _SESSIONS, "    (time(16), _AFTER),\n", ""),
    Mutation("the day of shares ends at seven", _SESSIONS, "    (time(20), _CLOSED),\n", "    (time(19), _CLOSED),\n"),
    Mutation(
        "Saturday is a trading day",
        _SESSIONS,
        "_FUTURE_SATURDAY: Final = ((time(0), _CLOSED),)",
        "_FUTURE_SATURDAY: Final = ((time(0), _REGULAR),)",
    ),
    Mutation(
        "the session of shares begins at one",
        _SESSIONS,
        "_EQUITY_START: Final = time(2)",
        "_EQUITY_START: Final = time(1)",
    ),
    Mutation(
        "the session of shares has no end", _SESSIONS, "_EQUITY_END: Final = time(16)", "_EQUITY_END: Final = time(23)"
    ),
    Mutation(
        "snapshots before the session are dropped",
        _SESSIONS,
        'keep = (records["flags"] & F_SNAPSHOT) != 0',
        "keep = np.zeros(len(records), np.bool_)",
    ),
    Mutation(
        "clears before the session are dropped", _SESSIONS, 'keep |= records["action"] == bytes([ACTION_CLEAR])', "pass"
    ),
    Mutation("a crossed book is well", _CERTIFICATE, "        if n\n", "        if n < 0\n"),
    # reading, which the digest has no part in
    Mutation(
        "market-by-order records may have any length",
        "vp_book/dbn/stride.py",
        "and buffer[at] != words:",
        "and False:",
        "tests/vp_book/test_coverage.py::test_a_market_by_order_record_has_one_length",
    ),
    Mutation(
        "records are read at a fixed stride",
        "vp_book/dbn/stride.py",
        "        at += length\n",
        "        at += MBO_BYTES\n",
        "tests/vp_book/test_dbn.py::test_ts_out_makes_records_longer",
    ),
    Mutation(
        "an instrument id holds for ever",
        "vp_book/dbn/symbols.py",
        "same &= (times >= interval.start_ns) & (times < interval.end_ns)",
        "pass",
        "tests/vp_book/test_dbn.py::test_an_instrument_id_holds_for_its_dates_only",
    ),
    Mutation(
        "a mapping of the stream is ignored",
        "vp_book/dbn/symbols.py",
        "            self.named = Named(mapping.instrument_id, mapping.contract)\n",
        "            pass\n",
        "tests/vp_book/test_symbols.py::test_the_stream_overrules_the_metadata",
    ),
)
