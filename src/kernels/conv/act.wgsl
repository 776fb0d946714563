// The activation ACT of some values, and the gradient before it. Constants, as this is repeated for every output:
//   0 none   1 ReLU   2 ReLU6   3 SiLU   4 sigmoid   5 tanh   6 leaky ReLU with SLOPE, at least 0

fn activate(v: Values) -> Values {
  if (ACT == 1u) { return max(v, Values(0.0)); }
  if (ACT == 2u) { return clamp(v, Values(0.0), Values(6.0)); }
  if (ACT == 3u) { return v / (1.0 + exp(-v)); }
  if (ACT == 4u) { return 1.0 / (1.0 + exp(-v)); }
  if (ACT == 5u) { return tanh(clamp(v, Values(-15.0), Values(15.0))); } // some drivers make NaN of larger ones
  if (ACT == 6u) { return select(SLOPE * v, v, v > Values(0.0)); }
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
  return dy;
}
