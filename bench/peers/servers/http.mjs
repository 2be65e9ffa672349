/**
 * Routes that the servers on node:http share: `POST /publish` takes messages, `POST /echo` answers its body.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import process from "node:process";

/** Listens on the port that is the first argument. `publish` gets the messages and the query. */
export function serve(publish) {
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      if (request.url === "/echo") return end(response, body);
      publish(JSON.parse(body.toString()), request.url);
      end(response, "published");
    });
  });
  server.listen(Number(process.argv[2]), "127.0.0.1");
  return server;
}

function end(response, body) {
  response.writeHead(200, { "Content-Length": body.length });
  response.end(body);
}
