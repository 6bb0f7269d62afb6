export default function HealthScreen() {
  return <h1 tabIndex={-1}>Health</h1>;
}
