import { createContext, type ReactNode, useContext, useEffect, useState } from "react";

/** How times are told. */
export type TimeStyle = "relative" | "local" | "utc";

interface Times {
  style: TimeStyle;
  setStyle(style: TimeStyle): void;
  /** Moves on, so that "a minute ago" does. */
  now: number;
}

const TimesContext = createContext<Times | undefined>(undefined);

const name = "jitsudo-notifications-times";
const tickMs = 10_000;

export function TimesProvider({ children }: { children: ReactNode }) {
  const [style, setStyle] = useState(() => (localStorage.getItem(name) ?? "relative") as TimeStyle);
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), tickMs);
    return () => clearInterval(timer);
  }, []);
  const choose = (next: TimeStyle) => {
    localStorage.setItem(name, next);
    setStyle(next);
  };
  return <TimesContext value={{ style, setStyle: choose, now }}>{children}</TimesContext>;
}

/** Throws outside of TimesProvider: a defect. */
export function useTimes(): Times {
  const times = useContext(TimesContext);
  if (!times) throw new Error("There is no TimesProvider");
  return times;
}

export function TimesChoice() {
  const { style, setStyle } = useTimes();
  return (
    <select
      aria-label="Show times as"
      value={style}
      onChange={({ target }) => setStyle(target.value as TimeStyle)}
    >
      <option value="relative">Relative</option>
      <option value="local">Local time</option>
      <option value="utc">UTC</option>
    </select>
  );
}
