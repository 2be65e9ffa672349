/**
 * The matrix: the client as npm installs it, in everything that it is for. One file, so that all is installed and
 * built once.
 *
 * @module
 */

import "./package.ts";
import "./runtimes.ts";
