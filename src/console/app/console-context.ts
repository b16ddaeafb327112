import { createContext, useContext } from "react";
import type { ApiKey } from "../../../gen/jitsudo/notifications/v1/api_key_pb.js";
import type { Clients } from "../api/clients.ts";

/** What every page needs. */
export interface Console {
  clients: Clients;
  /** The signed-in key. */
  ownKey: ApiKey;
  /** Whether it carries the scope, for example "channels:write". */
  may(scope: string): boolean;
  /**
   * Signing secrets that the service has just made, by channel: each is in one answer
   * alone, and is carried from the page that asked for it to the one that shows it.
   */
  newSecrets: Map<string, string>;
  signOut(): void;
}

export const ConsoleContext = createContext<Console | undefined>(undefined);

/** Throws outside of the signed-in part: a defect. */
export function useConsole(): Console {
  const console = useContext(ConsoleContext);
  if (!console) throw new Error("Nobody is signed in");
  return console;
}
