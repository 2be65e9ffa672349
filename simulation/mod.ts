/**
 * Simulates whole worlds from a seed, under faults, on virtual time (docs/simulation.md).
 *
 * @module
 */

export { type Fault, FAULT_NAMES, faultInfo, FAULTS } from "./faults.ts";
export { replaced, type Seams, type WorldOptions } from "./options.ts";
export { Random } from "../mock/chaos/random.ts";
export { RULES } from "./rules.ts";
export { type Failure, shrink } from "./shrink.ts";
export { Violation } from "./violation.ts";
export { type Outcome, simulate } from "./world.ts";
