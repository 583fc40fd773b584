/* color.c - colours that stay apart for the colour-blind, and a map whose steps look equal.
 *
 * The map is a path through OKLCh (B. Ottosson, "A perceptual color space for image processing", 2020): lightness rises
 * linearly, the hue turns from violet over blue and green to yellow; OKLab's matrices take it to linear sRGB. */
#include <math.h>
#include "plot/pic.h"

enum { COLORS = 12 };
uint32_t cx_curve_color(int k) {
  static const uint32_t color[COLORS] = {0x2468b4, 0xe0701a, 0x2a9461, 0xc2334d, 0x7a52b3, 0x8a5a34,
                                         0x1795a5, 0xb08a00, 0xe377c2, 0x4a4f57, 0x8fbc2b, 0x1f2f6b};
  return color[k % COLORS];
}

const double cx_dash[4][2] = {{0, 0}, {7, 4}, {1.5, 3.5}, {12, 4}};
int cx_curve_dash(int k) { return k / COLORS % 4; }

static double srgb(double x) {
  x = x < 0 ? 0 : x > 1 ? 1 : x;
  return x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055;
}

uint32_t cx_map_color(double t) {
  t = t < 0 ? 0 : t > 1 ? 1 : t;
  const double turn = 0.017453292519943295;
  double L = 0.27 + 0.64 * t, h = (305 - 200 * t) * turn,
         C = 0.12 + 0.05 * t * t - 0.14 * t * (1 - t); /* inside sRGB */
  double A = C * cos(h), B = C * sin(h);
  double l = L + 0.3963377774 * A + 0.2158037573 * B;
  double m = L - 0.1055613458 * A - 0.0638541728 * B;
  double s = L - 0.0894841775 * A - 1.2914855480 * B;
  l *= l * l;
  m *= m * m;
  s *= s * s;
  double rgb[3] = {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
                   -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
                   -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
  uint32_t color = 0;
  for (int k = 0; k < 3; k++) color = color << 8 | (uint32_t)lrint(255 * srgb(rgb[k]));
  return color;
}
