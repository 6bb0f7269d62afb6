/** How long a call still waits, counted down. */
import { useNow } from "../components/time";

const SOON_MS = 60_000;

export function TimeLeft({ until }: { until: string }) {
  const left = Date.parse(until) - useNow();
  const exact = new Date(until).toLocaleString();
  return (
    <time dateTime={until} title={`Until ${exact}`} class={left < SOON_MS ? "time-left soon" : "time-left"}>
      {left <= 0 ? "expired" : `${formatLeft(left)} left`}
    </time>
  );
}

function formatLeft(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1_000);
  const two = (value: number) => String(value).padStart(2, "0");
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60];
  const clock = `${two(minutes)}:${two(seconds % 60)}`;
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours}:${clock}` : clock;
}
