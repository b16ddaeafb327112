import type { ControlProps } from "../ui/field.tsx";
import { isMasked } from "./kinds.ts";

interface SecretInputProps {
  control: ControlProps;
  label: string;
  isPassword?: boolean;
  placeholder?: string | undefined;
  value: string;
  /** The mask that stands for what is stored; empty: nothing is. */
  stored: string;
  set(text: string): void;
}

/** Shows that a secret is set, and takes another one in its place. */
export function SecretInput({
  control,
  label,
  isPassword,
  placeholder,
  value,
  stored,
  set,
}: SecretInputProps) {
  const replaceable = isMasked(stored);
  if (replaceable && value === stored) {
    return (
      <div className="secret">
        <span className="secret-set">
          Set: <code>{stored}</code>
        </span>
        <button
          type="button"
          className="button"
          id={control.id}
          aria-describedby={control["aria-describedby"]}
          aria-label={`Replace ${label}`}
          onClick={() => set("")}
        >
          Replace
        </button>
      </div>
    );
  }
  return (
    <div className="secret">
      <input
        {...control}
        type={isPassword ? "password" : "text"}
        autoComplete={isPassword ? "new-password" : "off"}
        spellCheck={false}
        placeholder={placeholder}
        value={value}
        onChange={({ target }) => set(target.value)}
      />
      {replaceable && (
        <button
          type="button"
          className="button"
          aria-label={`Keep the stored ${label}`}
          onClick={() => set(stored)}
        >
          Keep the stored one
        </button>
      )}
    </div>
  );
}
