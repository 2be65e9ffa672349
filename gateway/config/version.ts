/**
 * The version of the gateway, as `deno.json` has it. Imported and not read, so that it is part of the
 * compiled binary too.
 *
 * @module
 */

import project from "../../deno.json" with { type: "json" };

/** The version, without a leading `v`. */
export const VERSION: string = project.version;
