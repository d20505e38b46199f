import { LOG_SPAN } from './colormap';

export const VERTEX_SHADER = `#version 300 es
// One triangle that covers the whole plot.
void main() {
  vec2 corner = vec2(float((gl_VertexID << 1) & 2), float(gl_VertexID & 2));
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

const PRECISION = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;`;

const HATCH = `
uniform float u_ratio;        // device px per CSS px, 0 where there is no hatch
uniform vec3 u_hatch;

vec3 hatched(vec3 colour, vec2 at) {
  bool on = u_ratio > 0.0 && mod(at.x + at.y, 9.0 * u_ratio) < 1.5 * u_ratio;
  return on ? mix(colour, u_hatch, 0.32) : colour;
}`;

/** The colour of every cell; alpha is 1 where the book is valid. */
export const CELLS_SHADER = `${PRECISION}
${HATCH}

uniform sampler2D u_cells;    // ring of columns: x slot, y two texels a row, one channel a colour mode
uniform sampler2D u_columns;  // ring of columns: r anchor cell, g flags (1 present, 2 book valid)
uniform sampler2D u_colours;
uniform vec2 u_size;          // picture, px
uniform float u_lead;         // columns between the right edge and the end of the newest column (>= 0: to the left)
uniform int u_head_slot;
uniform int u_count;          // columns kept
uniform float u_column_px;
uniform float u_row_px;
uniform float u_centre;       // cell at mid height
uniform int u_rows;
uniform int u_channel;
uniform float u_range;
uniform float u_low;          // magnitude up to which there is no colour
uniform int u_curve;          // 0 linear, 1 square root, 2 logarithm
uniform vec3 u_ground;

out vec4 colour;

void main() {
  vec2 at = gl_FragCoord.xy;
  float back = (u_size.x - at.x) / u_column_px + u_lead;
  int age = int(floor(back));
  colour = vec4(u_ground, 1.0);
  if (age < 0 || age >= u_count) return;

  int ring = textureSize(u_cells, 0).x;
  int slot = (u_head_slot - age + ring) % ring;
  vec2 column = texelFetch(u_columns, ivec2(slot, 0), 0).rg;
  int flags = int(column.g);
  if (flags == 0) return;
  bool valid = (flags & 2) != 0;

  float cell = u_centre + (at.y - u_size.y * 0.5) / u_row_px;
  int row = int(floor(cell + 0.5) - column.r) + (u_rows - 1) / 2;
  if (row >= 0 && row < u_rows) {
    vec4 texel = texelFetch(u_cells, ivec2(slot, 2 * row + u_channel / 4), 0);
    float value = texel[u_channel % 4];
    float share = clamp((abs(value) - u_low) / (u_range - u_low), 0.0, 1.0);
    float strength = u_curve == 2 ? log(1.0 + ${LOG_SPAN}.0 * share) / log(1.0 + ${LOG_SPAN}.0) : u_curve == 1 ? sqrt(share) : share;
    float position = 0.5 + 0.5 * sign(value) * strength;
    int entries = textureSize(u_colours, 0).x;
    int entry = int(position * float(entries - 1) + 0.5);
    colour = vec4(texelFetch(u_colours, ivec2(entry, 0), 0).rgb, 1.0);
  }
  if (!valid) {
    colour = vec4(hatched(mix(u_ground, colour.rgb, 0.22), at), 0.0);
  }
}`;

/** Enlarges a picture that has a texel a cell. */
export const ENLARGING_SHADER = `${PRECISION}
${HATCH}

uniform sampler2D u_map;
uniform vec2 u_size;          // plot, device px
uniform vec2 u_cell;          // a cell, device px
uniform vec2 u_corner;        // the plot's right edge in columns of the picture, and its middle in rows of it

out vec4 colour;

void main() {
  vec2 at = gl_FragCoord.xy;
  vec2 place = u_corner + vec2(at.x - u_size.x, at.y - u_size.y * 0.5) / u_cell;
  colour = texelFetch(u_map, ivec2(floor(place)), 0);
  if (colour.a == 0.0) colour.rgb = hatched(colour.rgb, at);
}`;
