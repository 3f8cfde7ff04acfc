"""Writes special-goldens.ts: special functions of float64 arguments, worked out in 40 digits. Needs mpmath; run `python special-goldens.py > special-goldens.ts`."""
import mpmath as m

m.mp.dps = 40
near_zero = [1.4616, 1.4616321449683622, 1.47, 1.0001, 2.0001]
x = [1e-300, 1e-8, 0.1, 0.5, 0.9, 1.0, 1.5, 2.0, 2.5, 3.7, 11.9, 12.0, 50.5, 171.5, 1e6, 1e300, -0.3, -1.5, -2.4, -19.75] + near_zero
inside = [1e-300, 1e-8, 0.01, 0.3, 0.5, 0.84, 0.95, 0.999, 0.999999999, 1 - 2.0**-53]
table = {
    "lgamma": (lambda v: m.log(abs(m.gamma(v))), x),
    "digamma": (lambda v: m.psi(0, v), x),
    "trigamma": (lambda v: m.psi(1, v), [v for v in x if v > 1e-100]),
    "psi2": (lambda v: m.psi(2, v), [v for v in x if 1e-100 < v < 1e100]),
    "psi3": (lambda v: m.psi(3, v), [v for v in x if v > 1e-60 and v < 1e50]),
    "erf": (m.erf, [1e-8, 0.3, 1.0, 2.9, 3.1, 5.0]),
    "erfinv": (m.erfinv, inside + [-v for v in inside]),
}
print("/** Written by special-goldens.py: [x, f(x)] of special functions, rounded from 40 digits. */")
print("export const goldens: Record<string, readonly (readonly [number, number])[]> = {")
for name, (f, points) in table.items():
    rows = ", ".join(f"[{v!r}, {float(f(m.mpf(v)))!r}]" for v in points)
    print(f"  {name}: [{rows}],")
print("};")
