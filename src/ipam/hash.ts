/** 64 bits that depend on every character of a text: for finding, where what is found is checked or may be wrong. */
export function hashText(text: string): Uint8Array {
  let [a, b] = [0x811c9dc5, 0x9e3779b9];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x85ebca6b) ^ (b >>> 13);
  }
  const hash = new Uint8Array(8);
  const view = new DataView(hash.buffer);
  view.setInt32(0, mix(a));
  view.setInt32(4, mix(b ^ a));
  return hash;
}

/** 32 bits of which each depends on each of `bits`: the finalizer of MurmurHash3. */
export function mix(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
