// What piscina and tinypool run.
export default function add([a, b]) {
  return a + b
}
