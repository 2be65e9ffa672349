/**
 * Revocation of tokens: open connections with one end, in whatever phase they are.
 *
 * @module
 */

import assert from "node:assert/strict";
import { revokeTokens } from "../../gateway/revoke_tokens.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { World } from "./support/world.ts";

const REVOKED = { code: 4003, reason: "the token was revoked" };

/** Revokes the tokens of Ann that were issued before the next second; returns how many connections it closed. */
async function revoke(world: World, user = "ann"): Promise<number> {
  const { clock, log, gateway: users } = world;
  const { disconnected, issuedBefore } = await revokeTokens(user, { clock, log, users });
  assert.equal(issuedBefore, (Math.floor(clock.now() / 1000) + 1) * 1000);
  await settle();
  return disconnected;
}

/** The `iat` of a token that is issued now. */
function now({ clock }: World): number {
  return Math.floor(clock.now() / 1000) * 1000;
}

function refused(world: World): Promise<number> {
  return world.metrics.value("gateway_identifies_rejected_total", { reason: "revoked" });
}

Deno.test("revokeTokens() closes connections whose token is of this second, older or has no iat", async () => {
  const world = new World();
  const current = await world.ready({ user: "ann", issuedAt: now(world) });
  const old = await world.ready({ user: "ann", issuedAt: now(world) - 86_400_000 });
  const without = await world.ready({ user: "ann" });
  const later = await world.ready({ user: "ann", issuedAt: now(world) + 1000 });
  const bob = await world.ready({ user: "bob", issuedAt: now(world) });
  const unidentified = world.connect();
  assert.equal(await revoke(world), 3);
  for (const { socket } of [current, old, without]) assert.deepEqual(socket.closeFrame, REVOKED);
  for (const { closeCode } of [later, bob, unidentified]) assert.equal(closeCode, undefined);
  assert.equal(await revoke(world), 0);
  const [message] = await world.publish({});
  assert.deepEqual([later.received, bob.received, old.received], [
    [message!.id],
    [message!.id],
    [],
  ]);
});

Deno.test("a revoked token is refused, and one of the next second is not", async () => {
  const world = new World();
  await revoke(world);
  for (const issuedAt of [0, now(world) - 1000, now(world)]) {
    const peer = world.connect();
    peer.identify({ user: "ann", issuedAt });
    await settle();
    assert.deepEqual(peer.socket.closeFrame, REVOKED);
  }
  assert.equal(await refused(world), 3);
  await world.clock.advance(1000);
  await world.ready({ user: "ann", issuedAt: now(world) });
  await world.ready({ user: "bob" });
});

Deno.test("a token that is being verified when it is revoked is refused", async () => {
  const world = new World();
  const held = world.verifier.held();
  const peer = world.connect();
  peer.identifyWith(held.token);
  await settle();
  assert.equal(await revoke(world), 0);
  assert.equal(peer.closeCode, undefined);
  const expiresAt = world.clock.now() + 1000;
  held.resolve({ ok: true, user: "ann", channels: [], issuedAt: now(world), expiresAt });
  await settle();
  assert.deepEqual(peer.socket.closeFrame, REVOKED);
  assert.equal(await refused(world), 1);
});

Deno.test("a session whose start is being located ends when its token is revoked", async () => {
  const world = new World();
  const { id: lastId } = world.log.head();
  await world.publish({});
  world.log.holding = true;
  const [ann, bob] = [world.connect(), world.connect()];
  ann.identify({ user: "ann", lastId });
  bob.identify({ user: "bob", lastId });
  await settle();
  assert.deepEqual([ann.connection.phase, bob.connection.phase], ["locating", "locating"]);
  assert.equal(await revoke(world), 1);
  assert.deepEqual(ann.socket.closeFrame, REVOKED);
  world.log.release();
  await settle();
  assert.equal(bob.connection.phase, "ready");
  assert.deepEqual(ann.received, []);
});

Deno.test("a session that is renewed is judged by the new token once that is verified", async () => {
  const world = new World();
  const identity = { user: "ann", issuedAt: now(world) + 1000 };
  const renewed = await world.ready({ user: "ann" });
  renewed.identify(identity);
  await settle();
  const renewing = await world.ready({ user: "ann" });
  renewing.identifyWith(world.verifier.held().token);
  await settle();
  assert.equal(await revoke(world), 1);
  assert.equal(renewed.closeCode, undefined);
  assert.deepEqual(renewing.socket.closeFrame, REVOKED);
  renewed.identify({ user: "ann" });
  await settle();
  assert.deepEqual(renewed.socket.closeFrame, REVOKED, "it was renewed with a revoked token");
});

Deno.test("a replay of what was missed ends when the token is revoked", async () => {
  const world = new World();
  const { id: lastId } = world.log.head();
  await world.publishMany(300);
  const peer = world.connect();
  world.log.holding = true;
  peer.identify({ user: "ann", lastId });
  await settle();
  world.log.release();
  await settle();
  assert.equal(peer.connection.phase, "ready");
  assert.equal(await revoke(world), 1);
  const { length } = peer.received;
  await world.publish({});
  world.log.release();
  await settle();
  assert.equal(peer.received.length, length);
  assert.equal(world.log.held, 0);
});
