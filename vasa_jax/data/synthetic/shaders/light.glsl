uniform vec3 light, light_colour, fill, ambient;

// Key light that wraps around the form, redder where it fades (as under skin), a fill from the other side, a sky.
vec3 diffuse(vec3 n, vec3 wrap) {
    vec3 key = clamp((dot(n, light) + wrap) / (1.0 + wrap), 0.0, 1.0);
    float other = max(0.0, dot(n, normalize(vec3(-light.x, 0.2, 0.4))));
    return ambient * (0.8 + 0.2 * n.y) + key * light_colour + other * fill;
}

float highlight(vec3 n, float gloss) { return pow(max(0.0, dot(n, normalize(light + vec3(0, 0, 1)))), gloss); }

// Soft shoulder, then sRGB-like gamma.
vec4 display(vec3 colour, float alpha) {
    colour = colour * 1.05 / (1.0 + 0.3 * colour);
    return vec4(pow(clamp(colour, 0.0, 1.0), vec3(1.0 / 2.2)), alpha);
}
