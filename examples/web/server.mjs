/** A web server that says which instance answers, and from which machine. */
import { createServer } from "node:http";

const { INSTANCE = "?", MACHINE = "?", PORT = "8080" } = process.env;
let answered = 0;

const server = createServer((request, response) => {
  if (request.url === "/healthz") {
    response.end("ok\n");
    return;
  }
  answered += 1;
  response.end(`web@${INSTANCE} on machine ${MACHINE}, process ${process.pid}, answer ${answered}\n`);
});

server.listen(Number(PORT), () => console.log(`web@${INSTANCE} listens on port ${PORT}`));

// What systemd asks for with SIGTERM: take no new requests, finish those begun, end with success.
process.on("SIGTERM", () => {
  console.log(`web@${INSTANCE} ends after ${answered} answers`);
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
