/**
 * `examples/monitoring/`: the rules and the dashboard name only metrics that exist, promtool accepts them,
 * and each alert has a case in which it fires and one in which it does not.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Metrics } from "../../gateway/metrics/metrics.ts";
import { type MetricInfo, METRICS } from "../../gateway/metrics/table.ts";
import { needs, testUnless } from "../permissions.ts";

const FOLDER = new URL("../../examples/monitoring/", import.meta.url);
const RULES = "emagine-gateway.rules.yml";
const CASES = "emagine-gateway.rules.test.yml";

const NO_PROMTOOL: string | undefined = needs("read", "run") ?? await whyNot();

async function whyNot(): Promise<string | undefined> {
  try {
    await new Deno.Command("promtool", { args: ["--version"], stdout: "null", stderr: "null" })
      .output();
    return undefined;
  } catch {
    return "there is no promtool on this machine (Debian: prometheus)";
  }
}

async function promtool(args: readonly string[], input = ""): Promise<void> {
  const child = new Deno.Command("promtool", {
    args: [...args],
    cwd: FOLDER,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, decoder.decode(stdout) + decoder.decode(stderr));
}

const read = (name: string) => Deno.readTextFile(new URL(name, FOLDER));

/** The series and labels of {@linkcode METRICS}, with their names in PromQL. */
function series(): ReadonlyMap<string, readonly string[]> {
  const entries = Object.entries<MetricInfo>(METRICS);
  return new Map(
    entries.flatMap(([name, { type, labels = [] }]) =>
      type === "histogram"
        ? ["_bucket", "_sum", "_count"].map((end) => [name + end, [...labels, "le"]] as const)
        : [[name, labels] as const]
    ),
  );
}

/** Labels that Prometheus adds. */
const SCRAPED = ["instance", "job"];

testUnless(needs("read"))(
  "the rules and the dashboard name only metrics and labels that exist",
  async () => {
    const known = series();
    for (const name of [RULES, CASES, "dashboard.json"]) {
      const text = (await read(name)).replaceAll('\\"', '"');
      const used = [...text.matchAll(/\b(gateway_\w+)(?:\{([^}]*)\})?/g)];
      assert.ok(used.length > 10, name);
      for (const [, metric = "", matchers = ""] of used) {
        const labels = known.get(metric);
        assert.ok(labels, `${name}: ${metric}`);
        for (const [, label = ""] of matchers.matchAll(/(\w+)=~?"/g)) {
          assert.ok([...labels, ...SCRAPED].includes(label), `${name}: ${metric}{${label}}`);
        }
      }
    }
  },
);

testUnless(needs("read"))("each metric for operators is on the dashboard", async () => {
  const text = await read("dashboard.json");
  const missing = Object.keys(METRICS).filter((name) => !text.includes(name));
  // The same measurement as `gateway_event_loop_delay_recent_seconds`.
  assert.deepEqual(missing, ["gateway_event_loop_delay_seconds"]);
});

testUnless(needs("read"))(
  "each alert is documented, fires in one case and not in another",
  async () => {
    const names = [...(await read(RULES)).matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);
    const cases = await read(CASES);
    const guide = await Deno.readTextFile(new URL("../../docs/operations.md", FOLDER));
    assert.ok(names.length > 10);
    for (const name of names) {
      const found = [...cases.matchAll(new RegExp(`alertname: ${name}\\n +exp_alerts:(.*)`, "g"))];
      assert.deepEqual(found.map(([, alerts]) => alerts), ["", " []"], name);
      assert.ok(guide.includes(`| \`${name}\` |`), `docs/operations.md has ${name}`);
    }
  },
);

testUnless(NO_PROMTOOL)("promtool accepts the rules, and their unit tests pass", async () => {
  await promtool(["check", "config", "prometheus.yml"]);
  await promtool(["test", "rules", CASES]);
});

testUnless(NO_PROMTOOL)("promtool accepts the names and types of all metrics", async () => {
  const metrics = new Metrics({ version: "1", runtime: "deno", residentBytes: () => 1 });
  await promtool(["check", "metrics"], await metrics.text());
});
