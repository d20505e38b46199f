/**
 * How property tests draw. In CI always the same, so that it judges the change and not the luck of the day; elsewhere
 * anew each time. PROPERTY_RUNS=5000 npm test searches wide.
 */

import fc from 'fast-check';

const { CI, PROPERTY_RUNS } = process.env;

fc.configureGlobal({
  ...(PROPERTY_RUNS !== undefined && { numRuns: Number(PROPERTY_RUNS) }),
  ...(CI !== undefined && PROPERTY_RUNS === undefined && { seed: 20_260_206 }),
});
