import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";

/** An address that stays while what is behind it changes, as a name does in a failover. */
export interface TcpProxy {
  readonly port: number;
  /** From now on new connections go to this port; those that are open are reset. */
  switchTo(port: number): void;
  /** Keeps connections open and accepts new ones, but carries nothing until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Carries the next request that holds this text, but resets its connection instead of carrying the answer. */
  loseAnswerTo(text: string): void;
  close(): Promise<void>;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let target = targetPort;
  let frozen = false;
  let loseAnswerTo: string | undefined;

  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    client.on("data", (request) => {
      if (loseAnswerTo === undefined || !request.includes(loseAnswerTo)) return;
      loseAnswerTo = undefined;
      upstream.unpipe(client);
      upstream.once("data", () => client.resetAndDestroy());
    });
    client.pipe(upstream).pipe(client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      if (frozen) socket.pause();
      // What ends one side ends the other; there is nobody else to tell.
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  function reset(): void {
    for (const socket of sockets) socket.resetAndDestroy();
  }

  return {
    port: (server.address() as AddressInfo).port,
    switchTo(port) {
      target = port;
      reset();
    },
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    thaw() {
      frozen = false;
      for (const socket of sockets) socket.resume();
    },
    loseAnswerTo(text) {
      loseAnswerTo = text;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      reset();
      await closed;
    },
  };
}
