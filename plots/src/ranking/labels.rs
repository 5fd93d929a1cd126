//! Names beside dots, so that none hides another, nor a dot.

/// A letter's mean width, and a line's height.
const LETTER: f64 = 7.0;
const LINE: f64 = 14.0;
/// Half the side of the square that a dot needs.
const DOT: f64 = 7.0;
/// How far a name may stand from its dot.
const AWAY: [f64; 9] = [0.0, 8.0, 18.0, 30.0, 44.0, 60.0, 80.0, 105.0, 135.0];
/// Directions that are tried at each distance: right and left first.
const WAYS: [(f64, f64); 8] = [
    (1.0, 0.0),
    (-1.0, 0.0),
    (0.7, -0.7),
    (0.7, 0.7),
    (-0.7, -0.7),
    (-0.7, 0.7),
    (0.0, -1.0),
    (0.0, 1.0),
];

/// A rectangle: left, top, right, bottom.
pub(super) type Area = (f64, f64, f64, f64);

/// Where a name stands: its left end and its base line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Where a line to the dot begins, if the name is so far away that it needs one.
    pub(super) tie: Option<(f64, f64)>,
}

/// A place for each name, the first names first; `None` where there is no room for one.
pub(super) fn labels(dots: &[(f64, f64)], names: &[&str], within: Area) -> Vec<Option<Label>> {
    let mut taken: Vec<Area> = dots
        .iter()
        .map(|&(x, y)| (x - DOT, y - DOT, x + DOT, y + DOT))
        .collect();
    let mut placed = Vec::new();
    for (&dot, name) in dots.iter().zip(names) {
        let width = LETTER * name.chars().count() as f64;
        let places = AWAY
            .iter()
            .flat_map(|away| WAYS.map(|way| area(dot, width, *away, way)));
        let fits =
            |it: &Area| holds(within, *it) && !taken.iter().any(|other| overlap(*it, *other));
        let place = places.into_iter().find(fits);
        taken.extend(place);
        placed.push(place.map(|place| label(dot, place)));
    }
    placed
}

/// The rectangle of a name of this width so far away from its dot.
fn area((x, y): (f64, f64), width: f64, away: f64, (right, down): (f64, f64)) -> Area {
    let (half, reach) = (width / 2.0, DOT + 2.0);
    let centre_x = x + right * away + right.signum() * f64::from(right != 0.0) * (reach + half);
    let centre_y = y + down * away + down.signum() * f64::from(down != 0.0) * (reach + LINE / 2.0);
    let (top, bottom) = (centre_y - LINE / 2.0, centre_y + LINE / 2.0);
    (centre_x - half, top, centre_x + half, bottom)
}

fn label((x, y): (f64, f64), (left, top, right, bottom): Area) -> Label {
    let end = (x.clamp(left, right), y.clamp(top, bottom));
    let is_far = (end.0 - x).hypot(end.1 - y) > DOT + 6.0;
    Label {
        x: left,
        y: bottom - 3.0,
        tie: is_far.then_some(end),
    }
}

fn holds(outer: Area, inner: Area) -> bool {
    outer.0 <= inner.0 && outer.1 <= inner.1 && inner.2 <= outer.2 && inner.3 <= outer.3
}

fn overlap(one: Area, other: Area) -> bool {
    one.0 < other.2 && other.0 < one.2 && one.1 < other.3 && other.1 < one.3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_hides_another_or_a_dot() {
        // A dense cluster, and two on the same spot.
        let dots: Vec<(f64, f64)> = (0..24)
            .map(|at| {
                let turn = f64::from(at) * 2.4;
                let far = 6.0 * f64::from(at / 2).sqrt();
                (400.0 + far * turn.cos() * 3.0, 200.0 + far * turn.sin())
            })
            .collect();
        let names: Vec<String> = (0..24).map(|at| format!("policy-{at}, tuned")).collect();
        let texts: Vec<&str> = names.iter().map(String::as_str).collect();
        let within = (0.0, 0.0, 900.0, 420.0);
        let labels = labels(&dots, &texts, within);
        let boxes: Vec<Area> = labels
            .iter()
            .zip(&texts)
            .filter_map(|(label, text)| {
                let label = label.as_ref()?;
                let width = LETTER * text.len() as f64;
                Some((
                    label.x,
                    label.y + 3.0 - LINE,
                    label.x + width,
                    label.y + 3.0,
                ))
            })
            .collect();
        assert!(boxes.len() >= 22, "only {} have room", boxes.len());
        for (at, one) in boxes.iter().enumerate() {
            assert!(holds(within, *one));
            assert!(!boxes[..at].iter().any(|other| overlap(*one, *other)));
            let dot = |&(x, y): &(f64, f64)| (x - DOT, y - DOT, x + DOT, y + DOT);
            assert!(!dots.iter().map(dot).any(|other| overlap(*one, other)));
        }
    }
}
