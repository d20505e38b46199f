import { cellLayout } from './cells';
import { GridReader } from './decode';
import { WireError } from './errors';
import { parseServerMessage } from './messages';
import type {
  ErrorMessage,
  GridUpdate,
  HistoryEnd,
  RuntimeConfigMessage,
  SpeedSet,
  StreamEnd,
} from './types';

/** One bin, whole: its scalars and its packed cells (see {@link CellLayout}). */
export interface DecodedBin {
  type: 'bin';
  update: GridUpdate;
  cells: Float64Array<ArrayBuffer>;
}

export type Decoded =
  RuntimeConfigMessage | StreamEnd | ErrorMessage | HistoryEnd | SpeedSet | DecodedBin;

const ANSWERS: readonly string[] = ['error', 'history_end', 'speed'];

/**
 * Puts the text and binary messages of one connection together.
 *
 * A `grid_update` is followed at once by its grid; a bin comes out only when both are there, so that a page can
 * never show the scalars of one bin over the cells of another. After a {@link WireError} it goes on with the next
 * whole bin.
 */
export class Assembler {
  private grids: GridReader | null = null;
  private pending: GridUpdate | null = null;

  /** Takes what a WebSocket received: text, or an array buffer. Throws as `text` and `binary` do. */
  take(data: unknown): Decoded | null {
    return typeof data === 'string'
      ? this.text(data)
      : this.binary(new Uint8Array(data as ArrayBuffer));
  }

  /** @returns what the message completes, or null when more is to come. */
  text(message: string): Decoded | null {
    const parsed = parseServerMessage(message);
    // An answer to something the client sent may fall between the two halves of a bin, and so may what is not known.
    if (parsed === null || ANSWERS.includes(parsed.type)) return parsed as Decoded | null;
    const orphan = this.pending;
    this.pending = null;
    if (parsed.type === 'grid_update') {
      if (this.grids === null) throw new WireError('grid_update came before runtime_config');
      this.pending = parsed;
    }
    if (orphan !== null) throw new WireError(`bin ${orphan.bin_seq} came without its grid`);
    if (parsed.type === 'grid_update') return null;
    if (parsed.type === 'runtime_config') {
      const names = parsed.grid_fields.map((field) => field.name);
      this.grids = new GridReader(cellLayout(names, parsed.grid_rows));
    }
    return parsed;
  }

  /** @returns the bin that the grid completes. */
  binary(bytes: Uint8Array): DecodedBin {
    const update = this.pending;
    this.pending = null;
    if (update === null || this.grids === null) {
      throw new WireError('a grid came without its grid_update');
    }
    return { type: 'bin', update, cells: this.grids.read(bytes) };
  }
}
