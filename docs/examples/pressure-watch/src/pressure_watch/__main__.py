"""`pressure-watch check`, `pressure-watch accept`, `pressure-watch watch FILE TICK`."""

import sys

import numpy as np

import vp_book
import vp_spectrum
from pressure_watch.numbers import MovedError, accept, check, installed, pinned

RADIUS = 50


def main() -> int:
    """Run the command; returns the exit code."""
    command, *rest = sys.argv[1:] or ["check"]
    if command == "accept" and not rest:
        accept(installed())
        return 0
    try:
        moved = check(pinned(), installed())
    except MovedError as error:
        print(f"pressure-watch: {error}", file=sys.stderr)
        return 1
    for line in moved:
        print(line)
    if command == "watch" and len(rest) == 2:
        watch(*rest)
    elif command != "check" or rest:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


def watch(path: str, tick: str) -> None:
    """Print the mean score of the ten cells on each side of spot, once a second."""
    source = vp_book.open_dbn(path)
    spectrum, derivative = vp_spectrum.SpectrumParams(), vp_spectrum.DerivativeParams()
    chain = vp_spectrum.ScoreChain(spectrum, derivative, n_cells=8192, radius=RADIUS)
    instrument = vp_book.Instrument(source.symbol, tick)
    for bin_ in map(chain.update, vp_book.replay(source, instrument, grid_radius_ticks=RADIUS)):
        if int(bin_.fields["bin_seq"]) % 10 == 9:
            score = bin_.cells["flow_score"]
            below, above = np.mean(score[RADIUS - 10 : RADIUS]), np.mean(score[RADIUS + 1 : RADIUS + 11])
            print(f"{bin_.fields['mid_price']:.3f} {below:+.3f} {above:+.3f}")


if __name__ == "__main__":
    sys.exit(main())
