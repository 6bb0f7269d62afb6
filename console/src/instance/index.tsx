export default function InstanceScreen() {
  return <h1 tabIndex={-1}>Instance</h1>;
}
