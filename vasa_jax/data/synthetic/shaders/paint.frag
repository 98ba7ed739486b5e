// Paints a person's skin once: tone, blush, freckles, lines, lips, brows, beard, scalp. Alpha holds the gloss.
in vec3 r;
in vec4 m; // scalp distance (cm), cavity, neck shade, eye socket
out vec4 result;
uniform vec3 skin, lips, hair, brow_colour;
uniform float seed, blush, freckles, age, eyeliner, beard, moustache, scalp, brow_thickness, brow_density;
uniform vec2 outer_lip[24];
uniform vec3 brows[14];
uniform vec3 lids[24];

float blob(vec2 p, vec2 centre, float radius) { vec2 d = (p - centre) / radius; return exp(-dot(d, d)); }

float segment(vec3 p, vec3 a, vec3 b, out float t) {
    vec3 d = b - a;
    t = clamp(dot(p - a, d) / dot(d, d), 0.0, 1.0);
    return length(p - a - d * t);
}

// Distance in the plane to the border of the lips, negative inside.
float lip_distance(vec2 p) {
    float best = 1e9, side = 1.0;
    for (int i = 0; i < 24; i++) {
        vec2 a = outer_lip[i], b = outer_lip[(i + 1) % 24], e = b - a, w = p - a;
        vec2 q = w - e * clamp(dot(w, e) / dot(e, e), 0.0, 1.0);
        best = min(best, dot(q, q));
        bvec3 c = bvec3(p.y >= a.y, p.y < b.y, e.x * w.y > e.y * w.x);
        if (all(c) || all(not(c))) side = -side;
    }
    return side * sqrt(best);
}

void main() {
    vec2 s = vec2(abs(r.x), r.y);
    float front = smoothstep(2.0, 6.0, r.z);
    float mottle = noise(r * 1.1 + seed) * 0.45 + noise(r * 3.7 + seed) * 0.3 + noise(r * 11.0 + seed) * 0.25;
    float pores = noise(r * 26.0 + seed);
    vec3 c = skin * (0.90 + 0.16 * mottle + 0.07 * (pores - 0.5));
    c *= mix(vec3(1.0), vec3(1.03, 0.97, 0.95), noise(r * 0.6 - seed));
    float red = blush * (0.8 * blob(s, vec2(4.1, -0.4), 2.1) + 0.7 * blob(s, vec2(0.0, 0.0), 1.3) + 0.3 * blob(s, vec2(0.0, -6.8), 1.4)) * front;
    red += 0.5 * smoothstep(7.9, 8.6, s.x);
    c *= mix(vec3(1.0), vec3(1.05, 0.82, 0.80), clamp(red, 0.0, 1.2) * 0.75);
    float spots = smoothstep(0.70, 0.80, noise(r * 4.3 + 3.0 * seed)) * (blob(s, vec2(2.9, 0.6), 2.6) + blob(s, vec2(0, 1.0), 1.6));
    c *= 1.0 - vec3(0.28, 0.42, 0.5) * freckles * clamp(spots, 0.0, 1.0) * front;
    // Age: bags, folds beside the mouth, lines on the forehead and at the eyes.
    float t, lines = 0.0;
    float fold = segment(vec3(s, 0), vec3(1.9, -0.7, 0), vec3(3.1, -3.6, 0), t);
    lines += 0.6 * exp(-fold * fold / 0.05) * sin(3.14 * t * 0.9 + 0.2);
    lines += 0.35 * smoothstep(0.75, 1.0, sin(r.y * 5.2 + 0.7 * noise(r * 0.7 + seed) * 6.0)) * blob(s, vec2(0.0, 8.6), 2.3);
    lines += 0.35 * smoothstep(0.6, 1.0, sin(atan(s.y - 3.6, s.x - 3.6) * 22.0)) * blob(s, vec2(5.6, 3.6), 0.8);
    c *= 1.0 - vec3(0.30, 0.38, 0.4) * lines * (0.12 + 0.9 * age) * front;
    c *= 1.0 - vec3(0.14, 0.2, 0.17) * (0.3 + 0.7 * age) * blob(s, vec2(2.9, 2.35), 0.8) * front;
    float socket = blob(s, vec2(3.0, 4.2), 1.5) * front;
    c *= 1.0 - vec3(0.14, 0.19, 0.17) * socket;
    c *= mix(1.0, m.y, 0.9) * m.z;
    float gloss = 0.45 + 0.35 * blob(s, vec2(0, 0.5), 1.6) + 0.3 * blob(s, vec2(0, 8), 3.0) - 0.2 * mottle;
    // Beard, stronger at chin and jaw; moustache above the lip.
    float below = smoothstep(-1.6, -3.4, r.y + 0.22 * (s.x - 3.0)) * smoothstep(-10.2, -8.2, r.y + 0.25 * r.z * 0.5) * smoothstep(2.5, 5.0, r.z);
    below *= 1.0 - 0.85 * blob(vec2(s.x, (r.y + 3.2) * 1.4), vec2(0, 0), 1.9);
    below = max(below, 0.95 * blob(s, vec2(0.0, -6.3), 1.5) * front);
    below = max(below, smoothstep(6.0, 6.7, s.x) * smoothstep(3.2, 1.5, r.y) * smoothstep(-4.5, -3.0, r.y) * smoothstep(2.2, 3.4, r.z) * smoothstep(6.5, 5.4, r.z));
    float upper = smoothstep(0.55, 0.15, abs(r.y + 1.95 + 0.06 * s.x * s.x)) * smoothstep(2.9, 2.1, s.x) * front;
    float strands = noise(vec3(r.x * 9.0 + 2.0 * r.y, r.y * 3.2, r.z * 5.0)) * 0.6 + noise(r * 17.0) * 0.4;
    float cover = max(below * beard, upper * moustache);
    float stubble = cover * (0.42 + 0.5 * strands) * smoothstep(0.0, 0.25, cover);
    c = mix(c, mix(skin * 0.42, hair, 0.4 + 0.5 * smoothstep(0.4, 1.0, cover)) * (0.6 + 0.6 * strands), clamp(stubble * 1.05, 0.0, 0.93));
    // Lips: two tones, fine vertical creases.
    float d = lip_distance(r.xy);
    float lip = smoothstep(0.10, -0.12, d) * smoothstep(8.6, 9.6, r.z);
    float crease = noise(vec3(r.x * 9.0, r.y * 1.2, seed));
    vec3 lip_colour = lips * (0.82 + 0.3 * crease) * (r.y > -3.35 ? 0.9 : 1.04);
    c = mix(c, lip_colour, lip * 0.92);
    gloss = mix(gloss, 1.1, lip);
    // Brows: strokes along a tapering band, thin at its outer end.
    float bd = 9.0, along = 0.0;
    for (int side = 0; side < 2; side++) for (int i = 0; i < 6; i++) {
        float u, e = segment(r, brows[7 * side + i], brows[7 * side + i + 1], u);
        if (e < bd) { bd = e; along = side == 0 ? 1.0 - (float(i) + u) / 6.0 : (float(i) + u) / 6.0; }
    }
    float width = brow_thickness * mix(1.0, 0.35, along * along) * smoothstep(-0.05, 0.12, along);
    float stroke = noise(vec3((s.x + 0.55 * r.y) * 7.5, (r.y - 0.3 * s.x) * 2.4, seed));
    float brow = smoothstep(width + 0.16, width * 0.25, bd + 0.16 * (stroke - 0.5)) * brow_density * (0.72 + 0.4 * stroke);
    c = mix(c, brow_colour * (0.7 + 0.5 * stroke), clamp(brow, 0.0, 0.95) * front);
    // Dark line where the lashes grow.
    float ld = 9.0;
    for (int i = 0; i < 24; i++) { float u; int j = i < 12 ? (i + 1) % 12 : 12 + (i - 11) % 12; ld = min(ld, segment(r, lids[i], lids[j], u)); }
    float upper_lid = smoothstep(3.0, 3.7, r.y);
    c = mix(c, vec3(0.02, 0.012, 0.01), smoothstep(mix(0.12, 0.2, upper_lid), 0.0, ld) * eyeliner * mix(0.3, 1.0, upper_lid));
    c = mix(c, vec3(0.32, 0.12, 0.10) * (skin + 0.25), m.w);
    // Scalp under the hair.
    float ragged = m.x + 0.9 * (noise(r * 1.6 + seed) - 0.5) + 0.9 * (noise(vec3(r.x * 8.0, r.y * 1.5, r.z * 8.0)) - 0.5);
    float grown = smoothstep(-0.5, 1.0, ragged) * scalp;
    float fuzz = noise(vec3(r.x * 10.0, r.y * 5.0, r.z * 10.0) + seed);
    c = mix(c, hair * (0.65 + 0.6 * fuzz), grown * (0.82 + 0.18 * fuzz));
    gloss = mix(gloss, 0.15, max(grown, min(1.0, 1.5 * stubble)));
    result = vec4(sqrt(clamp(c, 0.0, 1.0)), clamp(gloss * 0.6, 0.0, 1.0));
}
