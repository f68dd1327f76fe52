// Real spherical harmonics in ACN order and SN3D, and rotations; x is ahead, y left, z up.

// Values of all harmonics up to an order for a unit vector.
function harmonics(x, y, z, order) {
  const found = new Float64Array((order + 1) ** 2);
  let cosine = 1, sine = 0, diagonal = 1; // Re and Im of (x + i y)^m, and (2 m - 1)!!
  for (let m = 0; m <= order; m++) {
    let before = 0, current = diagonal;
    for (let l = m; l <= order; l++) {
      let ratio = 1; // (l - m)! / (l + m)!
      for (let k = l - m + 1; k <= l + m; k++) ratio /= k;
      const value = Math.sqrt((m ? 2 : 1) * ratio) * current;
      found[l * l + l + m] = value * cosine;
      if (m) found[l * l + l - m] = value * sine;
      const next = ((2 * l + 1) * z * current - (l + m) * before) / (l - m + 1);
      before = current;
      current = next;
    }
    [cosine, sine] = [cosine * x - sine * y, cosine * y + sine * x];
    diagonal *= 2 * m + 1;
  }
  return found;
}

// Matrix of the scene for a head that is turned to the left, raised and tilted to the right (degrees):
// the inverse of the rotation of the head (roll first, then pitch, then yaw).
function sceneRotation(yaw, pitch, roll) {
  const [a, b, c] = [yaw, pitch, -roll].map((degrees) => degrees * Math.PI / 180);
  const [ca, sa, cb, sb, cc, sc] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b), Math.cos(c), Math.sin(c)];
  const head = [
    [ca * cb, -sa * cc - ca * sb * sc, sa * sc - ca * sb * cc],
    [sa * cb, ca * cc - sa * sb * sc, -ca * sc - sa * sb * cc],
    [sb, cb * sc, cb * cc],
  ];
  return [0, 1, 2].map((row) => [0, 1, 2].map((column) => head[column][row]));
}

// Rotation of the harmonics (n x n, row by row) that belongs to a rotation of vectors.
function harmonicRotation(rotation, vectors, inverse, order) {
  const size = (order + 1) ** 2, count = vectors.length / 3;
  const found = new Float64Array(size * size);
  for (let k = 0; k < count; k++) {
    const v = vectors.subarray(3 * k, 3 * k + 3);
    const [x, y, z] = rotation.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]);
    const values = harmonics(x, y, z, order);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) found[i * size + j] += values[i] * inverse[k * size + j];
    }
  }
  return found;
}
