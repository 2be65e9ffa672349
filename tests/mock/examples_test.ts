/**
 * The example of docs/testing-clients.md in TypeScript, which is a test itself.
 *
 * @module
 */

import "../../examples/client_test.ts";
