import type { ReactNode } from "react";
import type { Failure } from "../api/failure.ts";

/** Says that a call failed, and why. */
export function FailureNote({ failure, retry }: { failure: Failure; retry?: () => void }) {
  return (
    <div className="note bad" role="alert">
      <p>{failure.message}</p>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Stands where there is nothing yet. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Stands where something comes soon. */
export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <div className="loading" role="status">
      <span className="sr-only">Loading…</span>
      {Array.from({ length: rows }, (_, row) => (
        <span key={String(row)} className="loading-row" aria-hidden="true" />
      ))}
    </div>
  );
}
