/**
 * The examples of docs/testing-clients.md in TypeScript, which are tests themselves.
 *
 * @module
 */

import "../../examples/app_test.ts";
import "../../examples/client_test.ts";
