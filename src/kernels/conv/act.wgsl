// The activation ACT of some values, and the gradient before it. Constants, as this is repeated for every output:
//   0 none   1 ReLU   2 ReLU6   3 SiLU   4 sigmoid   5 tanh   6 leaky ReLU with SLOPE, at least 0
//   7 ELU, alpha 1   8 softplus

// exp(v) − 1, by its Taylor series where the difference would lose digits.
fn exp_minus_one(v: Values) -> Values {
  var sum = Values(1.0);
  for (var i = 9.0; i > 1.0; i -= 1.0) { sum = 1.0 + sum * v / i; }
  return select(exp(v) - 1.0, v * sum, abs(v) < Values(0.5));
}

// log(1 + v) of 0 ≤ v ≤ 1: 2 artanh(v / (2 + v)), whose series needs few terms.
fn log_one_plus(v: Values) -> Values {
  let s = v / (2.0 + v);
  let square = s * s;
  var sum = Values(0.0);
  for (var i = 15.0; i > 0.0; i -= 2.0) { sum = sum * square + 1.0 / i; }
  return 2.0 * s * sum;
}

fn activate(v: Values) -> Values {
  if (ACT == 1u) { return max(v, Values(0.0)); }
  if (ACT == 2u) { return clamp(v, Values(0.0), Values(6.0)); }
  if (ACT == 3u) { return v / (1.0 + exp(-v)); }
  if (ACT == 4u) { return 1.0 / (1.0 + exp(-v)); }
  if (ACT == 5u) { return tanh(clamp(v, Values(-15.0), Values(15.0))); } // some drivers make NaN of larger ones
  if (ACT == 6u) { return select(SLOPE * v, v, v > Values(0.0)); }
  if (ACT == 7u) { return select(exp_minus_one(min(v, Values(0.0))), v, v > Values(0.0)); }
  if (ACT == 8u) { return max(v, Values(0.0)) + log_one_plus(exp(-abs(v))); }
  return v;
}

// dy · act'(z), where y = act(z). Only SiLU needs z; at a kink it is the derivative to the left, as in PyTorch.
fn activate_gradient(dy: Values, y: Values, z: Values) -> Values {
  if (ACT == 1u) { return select(Values(0.0), dy, y > Values(0.0)); }
  if (ACT == 2u) { return select(Values(0.0), dy, (y > Values(0.0)) & (y < Values(6.0))); }
  if (ACT == 3u) {
    let sigmoid = 1.0 / (1.0 + exp(-z));
    return dy * sigmoid * (1.0 + z * (1.0 - sigmoid));
  }
  if (ACT == 4u) { return dy * y * (1.0 - y); }
  if (ACT == 5u) { return dy * (1.0 - y * y); }
  if (ACT == 6u) { return select(SLOPE * dy, dy, y > Values(0.0)); }
  if (ACT == 7u) { return dy * (1.0 + min(y, Values(0.0))); }
  if (ACT == 8u) { return -dy * exp_minus_one(-y); }
  return dy;
}
