import { useState } from "react";

/** Copies a text, and says so. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [said, setSaid] = useState(label);
  async function copy() {
    // Absent where the page came by plain HTTP from another machine.
    if (!navigator.clipboard) return setSaid("Copy it by hand");
    await navigator.clipboard.writeText(text);
    setSaid("Copied");
  }
  return (
    <button type="button" className="button" onClick={() => void copy()} aria-live="polite">
      {said}
    </button>
  );
}
