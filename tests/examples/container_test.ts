/**
 * `examples/container/`: it names only options and routes that exist, leaves time for a drain, and HAProxy
 * accepts its configuration. No image is built.
 *
 * @module
 */

import assert from "node:assert/strict";
import { envName, type Option } from "../../gateway/config/option_types.ts";
import { OPTIONS } from "../../gateway/config/options.ts";
import { needs, testUnless } from "../permissions.ts";

const FOLDER = new URL("../../examples/container/", import.meta.url);
const MANIFESTS = ["kubernetes/nats.yaml", "kubernetes/sqlite.yaml"] as const;
const FILES = [...MANIFESTS, "Containerfile", "compose.yml", "gateway.env.example"] as const;

const NO_HAPROXY: string | undefined = needs("read", "run") ?? await whyNot();

async function whyNot(): Promise<string | undefined> {
  try {
    await new Deno.Command("haproxy", { args: ["-v"], stdout: "null" }).output();
    return undefined;
  } catch {
    return "there is no haproxy on this machine";
  }
}

const read = (name: string) => Deno.readTextFile(new URL(name, FOLDER));

/** The longest drain by default, in seconds. */
const DRAIN_S = (OPTIONS.drainMs.default + 2 * OPTIONS.closeGraceMs.default) / 1000;

testUnless(needs("read"))("the container examples name only options that exist", async () => {
  const names = new Set(Object.keys(OPTIONS as Record<string, Option>).map((key) => envName(key)));
  for (const file of FILES) {
    const used = [...(await read(file)).matchAll(/\bGATEWAY_[A-Z_]*[A-Z]/g)].map(([name]) => name);
    assert.deepEqual(used.filter((name) => !names.has(name)), [], file);
  }
});

testUnless(needs("read"))("the manifests give a drain its time after preStop", async () => {
  for (const file of MANIFESTS) {
    const text = await read(file);
    const [, grace] = /terminationGracePeriodSeconds: (\d+)/.exec(text) ?? [];
    const [, sleep] = /sleep:\n +seconds: (\d+)/.exec(text) ?? [];
    assert.ok(Number(grace) > Number(sleep) + DRAIN_S, file);
  }
  const [, stop] = /stop_grace_period: (\d+)s/.exec(await read("compose.yml")) ?? [];
  assert.ok(Number(stop) > DRAIN_S, "compose.yml");
});

testUnless(needs("read"))(
  "the manifests ask /health for readiness, /health/live for liveness",
  async () => {
    for (const file of MANIFESTS) {
      const text = await read(file);
      assert.match(text, /readinessProbe:\n +httpGet:\n +path: \/health\n/, file);
      assert.match(text, /startupProbe:\n +httpGet: &live\n +path: \/health\/live\n/, file);
      assert.match(text, /livenessProbe:\n +httpGet: \*live\n/, file);
    }
  },
);

testUnless(NO_HAPROXY)("HAProxy accepts the configurations of the examples", async () => {
  for (const path of ["haproxy.cfg", "../many-nodes/haproxy.cfg"]) {
    const { code, stderr } = await new Deno.Command("haproxy", {
      args: ["-c", "-f", path],
      cwd: FOLDER,
      stdout: "null",
      stderr: "piped",
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  }
});
