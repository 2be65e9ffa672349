/**
 * The matrix: the packages as npm installs them, in everything that they support. One file, so that everything is
 * installed and built once.
 *
 * @module
 */

import "./mock.ts";
import "./package.ts";
import "./runtimes.ts";
