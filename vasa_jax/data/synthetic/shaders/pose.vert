// Turns the head about the neck, shifts and scales it in the image; weight 0 leaves a vertex with the shoulders.
in vec3 position, normal, rest;
in vec4 extra;
uniform mat3 rotation;
uniform vec3 pivot, head, body, camera; // head, body: shift x, y and scale; camera: zoom, distance, offset y
out vec3 N, P, Q, rest_;
out vec4 extra_;
void main() {
    float weight = extra.x;
    vec3 p = mix(position, rotation * (position - pivot) + pivot, weight);
    N = mix(normal, rotation * normal, weight);
    P = p; Q = position; rest_ = rest; extra_ = extra;
    vec3 place = mix(body, head, weight);
    float w = camera.y - p.z;
    vec2 xy = camera.x * (p.xy + vec2(0.0, camera.z)) * place.z + place.xy * w;
    gl_Position = vec4(xy, (w - 85.0) / 60.0 * w, w);
}
