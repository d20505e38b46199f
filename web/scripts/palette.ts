/** Writes the page's colours, which `src/render/palette.ts` states, as CSS variables. */
import { writeFileSync } from 'node:fs';

import { paletteCss } from '../src/render/palette';

writeFileSync(new URL('../src/ui/styles/palette.css', import.meta.url), paletteCss());
