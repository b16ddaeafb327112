import { type RefObject, useEffect, useRef } from "react";
import type { Failure } from "../api/failure.ts";

/** The ref of a form, whose first control that is wrong gets the focus after a failure. */
export function useFocusOnWrong(failure: Failure | undefined): RefObject<HTMLFormElement | null> {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (!failure) return;
    const wrong = form.current?.querySelector<HTMLElement>("[aria-invalid]");
    (wrong?.matches("fieldset") ? wrong.querySelector("input") : wrong)?.focus();
  }, [failure]);
  return form;
}
