import { rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";

/** Carries out a command and answers JSON. */
type RunCommand = (command: string, args: unknown) => Promise<unknown>;

/** Paths of Unix sockets are bounded: sockaddr_un has room for 107 bytes and a zero. */
const maxPathBytes = 107;

/**
 * The embedded database belongs to one process, which holds a lock on the data folder for as long
 * as it lives. It listens on a socket in the folder, which only its owner can reach: the command
 * line gives its commands to it. Throws when another process has the folder.
 */
export async function openControlSocket(
  dataDir: string,
  run: RunCommand,
): Promise<{ close(): Promise<void> }> {
  const path = socketPath(dataDir);
  const lock = await lockFolder(dataDir);
  // What is there is of a process that has died.
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  // Half open: a client has said all with its question, and the answer takes its time.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    serve(socket, run).catch(() => socket.destroy());
  });
  await listen(server, path);
  return {
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Also those who have sent nothing: they would hold the stop up.
      for (const socket of sockets) socket.destroy();
      return closed.finally(() => lock.close());
    },
  };
}

/** Has the process that owns the data folder carry a command out; undefined when there is none. */
export async function askOwner(
  dataDir: string,
  command: string,
  args: unknown,
): Promise<{ result: unknown } | { error: string } | undefined> {
  const socket = await connect(socketPath(dataDir));
  if (!socket) return undefined;
  socket.end(`${JSON.stringify({ command, args })}\n`);
  for await (const line of createInterface({ input: socket })) return JSON.parse(line);
  return { error: "The running process went away without an answer" };
}

/** SQLite's result code for a lock that somebody else has: https://www.sqlite.org/rescode.html. */
const sqliteBusy = 5;

/**
 * Node has no file locks of its own, but SQLite has: the system ends them with the process, however
 * that ends, and of two that ask at the same moment one gets it.
 */
async function lockFolder(dataDir: string): Promise<{ close(): void }> {
  const { DatabaseSync } = await import("node:sqlite");
  const lock = new DatabaseSync(join(dataDir, "lock"), { timeout: 0 });
  try {
    lock.exec("begin immediate");
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== sqliteBusy) throw error;
    throw new Error(`The data folder ${dataDir} is in use by another process`);
  }
}

async function serve(socket: Socket, run: RunCommand): Promise<void> {
  const lines = createInterface({ input: socket });
  // A client that goes away in the middle is its own problem; the lines repeat what the socket says of it.
  for (const each of [socket, lines]) each.on("error", () => socket.destroy());
  for await (const line of lines) {
    const answer = await answerTo(line, run);
    socket.write(`${JSON.stringify(answer)}\n`);
    break;
  }
  socket.end();
}

async function answerTo(line: string, run: RunCommand): Promise<{ result: unknown } | { error: string }> {
  try {
    const { command, args } = JSON.parse(line) as { command: string; args: unknown };
    return { result: await run(command, args) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function socketPath(dataDir: string): string {
  const absolute = join(dataDir, "control.sock");
  const fromHere = relative(process.cwd(), absolute);
  const path = fromHere.length < absolute.length ? fromHere : absolute;
  if (Buffer.byteLength(path) > maxPathBytes)
    throw new Error(`The path of the data folder is too long: ${dataDir}`);
  return path;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
}

function connect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(undefined));
  });
}
