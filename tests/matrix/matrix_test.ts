/**
 * The matrix: the client as npm installs it, in everything that it supports. One file, so that everything is
 * installed and built once.
 *
 * @module
 */

import "./package.ts";
import "./runtimes.ts";
