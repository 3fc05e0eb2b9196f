//! Colours, sizes and fonts: the only place that names any of them.
//!
//! Role: [`install`] gives egui the fonts and both styles; everything drawn by hand asks
//! [`tokens`] for its colours and [`Type`] for its font.
//! Invariants: every text token has at least 4.5:1 on every ground it is used on, every mark 3:1.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat};
use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Galley, Margin, RichText,
    Stroke, TextStyle, Theme, Vec2, Visuals,
};

/// The colours of one theme.
#[derive(Debug, Clone, Copy)]
pub struct Tokens {
    /// The page.
    pub paper: Color32,
    /// Cards and fields.
    pub surface: Color32,
    /// Side bar and quiet pills.
    pub sunk: Color32,
    /// Text.
    pub ink: Color32,
    /// Second line, icons.
    pub muted: Color32,
    /// The edge of controls: quieter than text, and still 3:1.
    pub edge: Color32,
    /// Separators; never the edge of a control.
    pub line: Color32,
    /// The one main action, and the person's own voice.
    pub accent: Color32,
    /// Text on [`Self::accent`].
    pub on_accent: Color32,
    /// Selected, shared.
    pub soft: Color32,
    /// The other person's voice.
    pub other: Color32,
    /// Ground of the other person's voice.
    pub other_soft: Color32,
    /// Waiting for you.
    pub warm: Color32,
    /// Ground of what waits for you.
    pub warm_soft: Color32,
    /// The stones of the cairn, from light to dark.
    pub stones: [Color32; 3],
}

const fn hex(rgb: u32) -> Color32 {
    let [_, red, green, blue] = rgb.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}

/// Paper and ink.
pub const LIGHT: Tokens = Tokens {
    paper: hex(0xF8F5EF),
    surface: hex(0xFFFFFF),
    sunk: hex(0xF0EBE2),
    ink: hex(0x22302A),
    muted: hex(0x56635C),
    edge: hex(0x7C8781),
    line: hex(0xDED7CA),
    accent: hex(0x2B6653),
    on_accent: hex(0xFFFFFF),
    soft: hex(0xE1EDE6),
    other: hex(0x37598A),
    other_soft: hex(0xE4EBF5),
    warm: hex(0x8A5510),
    warm_soft: hex(0xF6EAD7),
    stones: [hex(0xCFC7B8), hex(0xB9B0A0), hex(0xA39A8B)],
};

/// For the evening.
pub const DARK: Tokens = Tokens {
    paper: hex(0x151A18),
    surface: hex(0x1D2421),
    sunk: hex(0x111513),
    ink: hex(0xE9E6DE),
    muted: hex(0xA2ADA6),
    edge: hex(0x78847D),
    line: hex(0x303A35),
    accent: hex(0x7DC4A8),
    on_accent: hex(0x0F1A15),
    soft: hex(0x20372D),
    other: hex(0x9FBDE6),
    other_soft: hex(0x1F2C3F),
    warm: hex(0xE3B66E),
    warm_soft: hex(0x372C1B),
    stones: [hex(0x5B635E), hex(0x4B534F), hex(0x3E4642)],
};

/// The tokens of the theme that `ui` is drawn in.
pub fn tokens(ui: &egui::Ui) -> &'static Tokens {
    if ui.visuals().dark_mode {
        &DARK
    } else {
        &LIGHT
    }
}

/// Distances in points.
pub mod space {
    /// Between an icon and its word.
    pub const TINY: f32 = 4.0;
    /// Between things that belong together.
    pub const SMALL: f32 = 8.0;
    /// Between a text and its control.
    pub const MEDIUM: f32 = 12.0;
    /// Between cards, and inside their edges.
    pub const LARGE: f32 = 20.0;
    /// Around a page.
    pub const PAGE: f32 = 32.0;
    /// Between the side bar and the page.
    pub const WIDE: f32 = 40.0;
}

/// Sizes of controls and columns in points.
pub mod size {
    /// Height of buttons and fields.
    pub const CONTROL: f32 = 36.0;
    /// Height of an entry of the side bar.
    pub const BAR_ENTRY: f32 = 38.0;
    /// Width of the side bar with names.
    pub const BAR: f32 = 208.0;
    /// Width of the side bar with icons only.
    pub const BAR_ICONS: f32 = 64.0;
    /// Height of the bar at the bottom.
    pub const BAR_BOTTOM: f32 = 56.0;
    /// Content gets no wider than this.
    pub const CONTENT: f32 = 1040.0;
    /// A column of text to be read gets no wider than this.
    pub const READING: f32 = 560.0;
    /// Below this width of the window the side bar shows icons only.
    pub const MEDIUM_WINDOW: f32 = 900.0;
    /// Below this width of the window there is one column and a bottom bar.
    pub const NARROW_WINDOW: f32 = 600.0;
    /// Below this width of the content two columns become one.
    pub const TWO_COLUMNS: f32 = 700.0;
    /// Icons.
    pub const ICON: f32 = 18.0;
    /// The drawn faces.
    pub const FACE: f32 = 28.0;
    /// Corner radius of controls.
    pub const RADIUS: u8 = 8;
    /// Corner radius of cards.
    pub const RADIUS_CARD: u8 = 12;
    /// Width of every line that is drawn.
    pub const HAIRLINE: f32 = 1.0;
    /// Width of the ring around what has the keyboard focus.
    pub const FOCUS: f32 = 2.0;
}

/// The kinds of text there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// 15 points.
    Body,
    /// 15 points, semibold: buttons and emphasis.
    Strong,
    /// 13 points: second lines.
    Small,
    /// 13 points, figures of one width: tables and charts.
    Figures,
    /// 17 points: the person's own words.
    Words,
    /// 17 points, semibold: the title of a card.
    Card,
    /// 26 points, semibold: the title of a page.
    Page,
}

/// The family with figures of one width.
const TABULAR: &str = "tabular";
/// The semibold family.
const SEMIBOLD: &str = "semibold";

impl Type {
    /// The font of this kind of text.
    pub fn font(self) -> FontId {
        let semibold = || FontFamily::Name(SEMIBOLD.into());
        match self {
            Self::Body => FontId::proportional(15.0),
            Self::Strong => FontId::new(15.0, semibold()),
            Self::Small => FontId::proportional(13.0),
            Self::Figures => FontId::new(13.0, FontFamily::Name(TABULAR.into())),
            Self::Words => FontId::proportional(17.0),
            Self::Card => FontId::new(17.0, semibold()),
            Self::Page => FontId::new(26.0, semibold()),
        }
    }

    /// From one line to the next, in points.
    pub fn line_height(self) -> f32 {
        match self {
            Self::Body | Self::Strong => 22.0,
            Self::Small | Self::Figures => 18.0,
            Self::Words | Self::Card => 24.0,
            Self::Page => 34.0,
        }
    }

    /// `text` in this font and `color`.
    pub fn text(self, text: impl Into<String>, color: Color32) -> RichText {
        RichText::new(text)
            .font(self.font())
            .line_height(Some(self.line_height()))
            .color(color)
    }

    /// How pieces of a text are laid out in this font and `color`.
    pub fn format(self, color: Color32) -> TextFormat {
        TextFormat {
            line_height: Some(self.line_height()),
            ..TextFormat::simple(self.font(), color)
        }
    }

    /// `text` laid out in this font and `color`, wrapped at `width`.
    pub fn galley(self, ui: &egui::Ui, text: &str, color: Color32, width: f32) -> Arc<Galley> {
        let mut job = LayoutJob::default();
        job.wrap.max_width = width;
        job.append(text, 0.0, self.format(color));
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    }

    /// `text` on one line, cut off with an ellipsis at `width`.
    pub fn line(self, ui: &egui::Ui, text: &str, color: Color32, width: f32) -> Arc<Galley> {
        let mut job = LayoutJob::default();
        job.wrap.max_width = width;
        job.wrap.max_rows = 1;
        job.append(text, 0.0, self.format(color));
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    }
}

/// Gives `ctx` the bundled fonts and both styles.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts());
    // Where the desktop does not say, paper and ink.
    ctx.options_mut(|options| options.fallback_theme = Theme::Light);
    ctx.set_style_of(Theme::Light, style(&LIGHT, Visuals::light()));
    ctx.set_style_of(Theme::Dark, style(&DARK, Visuals::dark()));
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let files: [(&str, &'static [u8]); 3] = [
        ("Inter", include_bytes!("../fonts/Inter-Regular.otf")),
        (
            "Inter SemiBold",
            include_bytes!("../fonts/Inter-SemiBold.otf"),
        ),
        (
            "Inter Tabular",
            include_bytes!("../fonts/Inter-Tabular.otf"),
        ),
    ];
    for (name, bytes) in files {
        fonts
            .font_data
            .insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let fallback = fonts
        .families
        .get(&FontFamily::Proportional)
        .cloned()
        .unwrap_or_default();
    let with_fallback = |names: &[&str]| -> Vec<String> {
        let own = names.iter().map(|name| (*name).to_owned());
        own.chain(fallback.iter().cloned()).collect()
    };
    fonts
        .families
        .insert(FontFamily::Proportional, with_fallback(&["Inter"]));
    fonts.families.insert(
        FontFamily::Name(SEMIBOLD.into()),
        with_fallback(&["Inter SemiBold", "Inter"]),
    );
    fonts.families.insert(
        FontFamily::Name(TABULAR.into()),
        with_fallback(&["Inter Tabular", "Inter"]),
    );
    fonts
}

fn style(tokens: &Tokens, visuals: Visuals) -> egui::Style {
    let mut style = egui::Style {
        visuals: self::visuals(tokens, visuals),
        animation_time: 0.12,
        ..egui::Style::default()
    };
    style.text_styles = BTreeMap::from([
        (TextStyle::Small, Type::Small.font()),
        (TextStyle::Body, Type::Body.font()),
        (TextStyle::Button, Type::Body.font()),
        (TextStyle::Monospace, FontId::monospace(15.0)),
        (TextStyle::Heading, Type::Page.font()),
    ]);
    let spacing = &mut style.spacing;
    spacing.item_spacing = Vec2::new(space::SMALL, space::SMALL);
    spacing.button_padding = Vec2::new(space::MEDIUM, space::SMALL);
    spacing.interact_size = Vec2::splat(24.0);
    spacing.extra_text_line_spacing = 4.0;
    spacing.icon_width = size::ICON;
    spacing.icon_spacing = space::SMALL;
    spacing.scroll.dormant_handle_opacity = 0.25;
    spacing.menu_margin = Margin::same(8);
    spacing.tooltip_width = 320.0;
    style.interaction.selectable_labels = false;
    style
}

fn visuals(tokens: &Tokens, mut visuals: Visuals) -> Visuals {
    let edge = Stroke::new(size::HAIRLINE, tokens.edge);
    let focus = Stroke::new(size::FOCUS, tokens.accent);
    visuals.override_text_color = Some(tokens.ink);
    visuals.weak_text_color = Some(tokens.muted);
    visuals.panel_fill = tokens.paper;
    visuals.window_fill = tokens.surface;
    visuals.window_stroke = Stroke::new(size::HAIRLINE, tokens.line);
    visuals.window_corner_radius = CornerRadius::same(size::RADIUS_CARD);
    visuals.menu_corner_radius = CornerRadius::same(size::RADIUS);
    visuals.window_shadow = egui::Shadow::NONE;
    visuals.popup_shadow = egui::Shadow::NONE;
    visuals.extreme_bg_color = tokens.surface;
    visuals.text_edit_bg_color = Some(tokens.surface);
    visuals.faint_bg_color = tokens.sunk;
    visuals.code_bg_color = tokens.sunk;
    visuals.hyperlink_color = tokens.accent;
    visuals.warn_fg_color = tokens.warm;
    visuals.error_fg_color = tokens.warm;
    visuals.selection.bg_fill = tokens.soft;
    visuals.selection.stroke = focus;
    visuals.text_cursor.stroke = Stroke::new(size::FOCUS, tokens.accent);
    let widgets = &mut visuals.widgets;
    for (widget, fill, stroke) in [
        (
            &mut widgets.noninteractive,
            tokens.surface,
            Stroke::new(size::HAIRLINE, tokens.line),
        ),
        (&mut widgets.inactive, tokens.surface, edge),
        (&mut widgets.hovered, tokens.sunk, edge),
        (&mut widgets.active, tokens.soft, focus),
        (&mut widgets.open, tokens.soft, edge),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = stroke;
        widget.fg_stroke = Stroke::new(size::HAIRLINE, tokens.ink);
        widget.corner_radius = CornerRadius::same(size::RADIUS);
        widget.expansion = 0.0;
    }
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(color: Color32) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(color.r()) + 0.7152 * channel(color.g()) + 0.0722 * channel(color.b())
    }

    /// Contrast ratio (WCAG 2.2).
    fn contrast(one: Color32, two: Color32) -> f64 {
        let (one, two) = (luminance(one), luminance(two));
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    #[test]
    fn contrast_of_black_on_white_is_21() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 1e-9);
    }

    #[test]
    fn text_has_enough_contrast_on_every_ground() {
        for tokens in [&LIGHT, &DARK] {
            let grounds = [
                tokens.paper,
                tokens.surface,
                tokens.sunk,
                tokens.soft,
                tokens.other_soft,
                tokens.warm_soft,
            ];
            let texts = [
                tokens.ink,
                tokens.muted,
                tokens.accent,
                tokens.other,
                tokens.warm,
            ];
            for ground in grounds {
                for text in texts {
                    let ratio = contrast(text, ground);
                    assert!(ratio >= 4.5, "{text:?} on {ground:?} has {ratio:.2}");
                }
            }
            assert!(contrast(tokens.on_accent, tokens.accent) >= 4.5);
        }
    }

    #[test]
    fn marks_and_edges_have_enough_contrast() {
        for tokens in [&LIGHT, &DARK] {
            for ground in [tokens.paper, tokens.surface, tokens.sunk, tokens.soft] {
                // Edges of controls, focus rings, faces, icons.
                for mark in [tokens.edge, tokens.muted, tokens.accent] {
                    let ratio = contrast(mark, ground);
                    assert!(ratio >= 3.0, "{mark:?} on {ground:?} has {ratio:.2}");
                }
            }
        }
    }

    #[test]
    fn tabular_figures_have_one_width() {
        let ctx = egui::Context::default();
        install(&ctx);
        let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
            let width = |text: &str| {
                let font = Type::Figures.font();
                ui.fonts_mut(|fonts| {
                    fonts
                        .layout_no_wrap(text.to_owned(), font, Color32::BLACK)
                        .size()
                        .x
                })
            };
            assert!((width("1111") - width("0000")).abs() < 0.01);
        });
        output.textures_delta.set.clear();
        output.textures_delta.free.clear();
    }
}
