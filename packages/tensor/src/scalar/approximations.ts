/** Polynomials that say an elementary function to float32 precision, highest power first: shared by the engines that have no such function. */

/** (e^r - 1 - r) / r^2 on |r| <= ln 2 / 2; relative error of the e^r made from it 3.1e-9. Own least-squares fit, reweighted towards minimax. */
export const expTail = [1.38206617e-3, 8.368674666e-3, 4.166826606e-2, 1.666652113e-1, 4.999999404e-1];

/** (log(1 + m) - m + m^2 / 2) / m^3 on 1 + m in [1/sqrt 2, sqrt 2]. Source: Cephes, logf.c. */
export const logTail = [
  7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
];

/** (tanh x - x) / x^3 in x^2 below 0.625. Source: Cephes, tanhf.c. */
export const tanhTail = [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1];

/** (sin r - r) / r^3 and (cos r - 1 + r^2 / 2) / r^4 in r^2 on |r| <= pi / 4. Source: Cephes, sinf.c. */
export const sinTail = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1];
export const cosTail = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2];
/** pi / 2 in three parts: a whole number below 2^16 times one of the first two is exact. Source: Cephes, sinf.c. */
export const halfPi = [1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8];

/** (atan x - x) / x^3 in x^2 on |x| <= tan(pi / 8). Source: Cephes, atanf.c. */
export const atanTail = [8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1];

/** 2 / pi: 24 binary digits in each. Source: fdlibm, e_rem_pio2.c. */
export const twoOverPi = [0xa2f983, 0x6e4e44, 0x1529fc, 0x2757d1, 0xf534dd, 0xc0db62, 0x95993c, 0x439041, 0xfe5163];
/** pi / 2 in two float64 parts: a whole number below 2^20 times the first is exact. Source: fdlibm, e_rem_pio2.c. */
export const halfPiDouble = [1.57079632673412561417, 6.07710050650619224932e-11];

/** erf(x)/x - 1 in x^2 below 0.95; relative error 2.2e-8. Own least-squares fit, reweighted towards minimax. */
export const erfNear = [-5.862079560756683e-4, 4.967506043612957e-3, -2.6748863980174065e-2, 1.1281320452690125e-1, -3.7612447142601013e-1, 1.2837913632392883e-1];

/** -log(erfc t)/t from 0.9 to 3.95; relative error of the erf made from it 3.1e-9. Own fit, as above. */
export const erfFar = [-2.145948517e-4, 3.219974485e-3, -2.290602894e-2, 1.052868525e-1, 6.35699369e-1, 1.128519953];

/** erfinv(x)/x in w - 2.5 and in sqrt(w) - 3, w = -log(1 - x^2), below and above w = 5. Source: Giles 2012, "Approximating the erfinv function". */
export const erfinvNear = [2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3, -4.17768164e-3, 2.46640727e-1, 1.50140941];
export const erfinvFar = [-2.00214257e-4, 1.00950558e-4, 1.34934322e-3, -3.67342844e-3, 5.73950773e-3, -7.6224613e-3, 9.43887047e-3, 1.00167406, 2.83297682];
